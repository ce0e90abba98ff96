"""Every table's columns, types and meaning: the one declaration that the whole house uses.

From it come the Arrow schema of the files, the Pandera schema of the blocking checks, the column schema in the
Dagster UI, and ``docs/tables.md``. How that is done is in ``table_types``; nothing but declarations belongs here.
"""

from __future__ import annotations

from typing import Any

from jarvis_resources.table_types import Column, Table, Type, arrow_column, object_column, violations

__all__ = ["ALL", "Column", "Table", "Type", "arrow_column", "object_column", "violations"]

# fmt: off
KINDS = (
    "scheduled", "failed", "deleted", "spam", "self", "system", "tapback_removed", "tapback", "sticker", "unsent",
    "app", "corrupt", "attachment_only", "normal",
)
"""Kinds of message rows; the first that applies wins. Only ``normal`` is text to learn from."""

TAPBACKS = ("loved", "liked", "disliked", "laughed", "emphasized", "questioned", "emoji", "sticker")
"""What a tapback says (associated_message_type 2000–2007, or its removal 3000–3007)."""

SERVICES = ("iMessage", "SMS", "RCS", "other")

TRIGGER_ACTS = (
    "INVITATION", "YN_QUESTION", "WH_QUESTION", "INFO_STATEMENT", "OPINION", "REQUEST", "GOOD_NEWS", "BAD_NEWS",
    "GREETING", "ACKNOWLEDGE",
)
RESPONSE_TYPES = (
    "AGREE", "DECLINE", "DEFER", "ACKNOWLEDGE", "ANSWER", "QUESTION", "REACT_POSITIVE", "REACT_SYMPATHY",
    "STATEMENT", "GREETING",
)
RELATIONSHIPS = ("CLOSE_FRIEND", "FAMILY", "ACQUAINTANCE", "PROFESSIONAL", "UNKNOWN")
SPLITS = ("train", "dev", "holdout")
VERDICTS = ("GOOD", "BAD", "AMBIGUOUS")
REVIEW_REASONS = ("another_message", "nothing", "sarcasm", "context_missing", "several_messages", "only_this_person")
"""Why a pair was not simply GOOD: the founding documents' checklist, and the two ways in which a link can be wrong."""
TUNING_RECIPES = ("mnrl", "conversations", "joint")
"""How an encoder can be fine-tuned on the owner's pairs."""
_SHARE = (0.0, 1.0)
_COSINE = (-1.001, 1.001)


def _text(meaning: str, **rest: Any) -> Column:
    return Column(Type.TEXT, meaning, **rest)


def _time(meaning: str, **rest: Any) -> Column:
    return Column(Type.TIME, meaning + " (UTC, µs)", **rest)


def _flag(meaning: str) -> Column:
    return Column(Type.FLAG, meaning)


def _count(meaning: str) -> Column:
    return Column(Type.INTEGER, meaning, bounds=(0, 2**62))


def _share(meaning: str, **rest: Any) -> Column:
    return Column(Type.REAL, meaning, bounds=_SHARE, **rest)


def _real(meaning: str, **rest: Any) -> Column:
    return Column(Type.REAL, meaning, **rest)


def _texts(meaning: str, **rest: Any) -> Column:
    return Column(Type.TEXTS, meaning, **rest)


def _guids(meaning: str) -> Column:
    return Column(Type.GUIDS, meaning)


_PAIR_ID = _text("128-bit hash of the normalised trigger and response, 32 hex digits", unique=True)

MESSAGES = Table(
    "messages",
    "One row of chat.db's message table",
    {
        "guid": _text("Apple's identifier of the message", unique=True),
        "rowid": Column(Type.INTEGER, "ROWID in chat.db; not chronological"),
        "conversation_id": _text("The merged conversation; null for a message in no chat", nullable=True),
        "person_id": _text("The sender; null when it is mine or unknown", nullable=True),
        "is_from_me": _flag("Sent by the owner"),
        "is_group": _flag("Sent in a group conversation"),
        "sent_at": _time("When it was sent; null when chat.db does not know", nullable=True),
        "kind": _text("What the row is; only normal rows are text to learn from", values=KINDS),
        "text": _text(
            "Exact text as the person saw it, U+FFFC and U+FFFD removed, stripped; null when there is none",
            nullable=True,
            private=True,
        ),
        "service": _text("Service that carried it", values=SERVICES),
        "thread_root_guid": _text("Root of the inline-reply thread it belongs to; null outside threads", nullable=True),
        "edited_at": _time("When it was last edited; null when it never was", nullable=True),
        "edit_history": Column(
            Type.EDITS,
            "Versions of an edited text, first as sent, last as it stands; null otherwise",
            nullable=True,
            private=True,
        ),
        "tapback_kind": _text("What the tapback says; null when the row is none, or says it in words we do not know", nullable=True, values=TAPBACKS),
        "tapback_target_guid": _text("Message that the tapback is on; null when unknown", nullable=True),
        "attachment_count": _count("Attachments of the message"),
    },
)

PEOPLE = Table(
    "people",
    "One human, all of their handles merged",
    {
        "person_id": _text("Identifier, stable across runs", unique=True),
        "handles": _texts("Phone numbers (E.164 where they parse) and addresses, sorted", private=True),
        "services": _texts("Services their handles were seen on, sorted"),
        "display_name": _text("Name from Contacts or the chat; null when unknown", nullable=True, private=True),
        "is_automated": _flag("A short code or a no-reply sender"),
        "message_count": _count("Messages they sent"),
        "first_at": _time("Their first message; null when none is dated", nullable=True),
        "last_at": _time("Their last message; null when none is dated", nullable=True),
    },
)

CONVERSATIONS = Table(
    "conversations",
    "All chats with one person, or with one group of people, merged",
    {
        "conversation_id": _text("Identifier, stable across runs", unique=True),
        "is_group": _flag("More than one other person"),
        "person_ids": _texts("The other people, sorted"),
        "chat_guids": _texts("chat.guid of the merged chats, sorted"),
        "display_name": _text("Name of the group; null when it has none", nullable=True, private=True),
        "is_filtered": _flag("Every chat of it is filtered by Messages (unknown sender or junk)"),
        "is_self": _flag("A chat with oneself"),
        "message_count": _count("Messages in it"),
        "my_message_count": _count("Messages of mine in it"),
        "first_at": _time("First dated message; null when none is", nullable=True),
        "last_at": _time("Last dated message; null when none is", nullable=True),
    },
)

TURNS = Table(
    "turns",
    "A burst: one thing said by one sender",
    {
        "turn_id": _text("guid of the first message", unique=True),
        "conversation_id": _text("Conversation"),
        "person_id": _text("Speaker; null when it is mine", nullable=True),
        "is_from_me": _flag("Said by the owner"),
        "is_group": _flag("In a group conversation"),
        "thread_root_guid": _text("Inline-reply thread; null outside threads", nullable=True),
        "message_guids": _guids("Its messages in order"),
        "message_count": _count("Its messages"),
        "text": _text("Its messages joined by a line break", private=True),
        "started_at": _time("First message"),
        "ended_at": _time("Last message"),
    },
)

_PAIR_COLUMNS = {
    "pair_id": _text("128-bit hash of the normalised trigger and response, 32 hex digits"),
    "source": _text("gold: an inline reply; semantic: found by the reply-link model", values=("gold", "semantic")),
    "confidence": _share("Probability that the response answers the trigger"),
    "trigger_guid": _text("The one message answered"),
    "response_guid": _text("First message of my turn"),
    "trigger_guids": _guids("The trigger's whole turn"),
    "response_guids": _guids("My whole turn"),
    "trigger_text": _text("The message answered, as it stood when I replied", private=True),
    "trigger_turn_text": _text("The trigger's whole turn, as it stood when I replied", private=True),
    "response_text": _text("My whole turn", private=True),
    "context": Column(
        Type.CONTEXT, "Earlier messages of the segment, oldest first; speaker is 'me' or a person_id", private=True
    ),
    "context_text": _text("The context as lines 'Them (Ana): …' and 'Me: …'", private=True),
    "conversation_id": _text("Conversation"),
    "person_id": _text("Whom I answered"),
    "is_group": _flag("In a group conversation"),
    "trigger_at": _time("When the trigger was sent"),
    "responded_at": _time("When I replied"),
    "reply_seconds": _real("Seconds from trigger to reply", bounds=(0.0, 1e10)),
    "occurrences": _count("How often this pair occurred"),
    "coherence": Column(Type.REAL, "Cosine of trigger and response under the pairing encoder", bounds=_COSINE),
}

GOLD_PAIRS = Table("gold_pairs", "My threaded turn and the message it answers, before deduplication", _PAIR_COLUMNS)
SEMANTIC_PAIRS = Table(
    "semantic_pairs",
    "My un-threaded turn and the message it most probably answers, before deduplication",
    _PAIR_COLUMNS,
)
PAIRS = Table(
    "pairs",
    "A deduplicated (their message, my reply) pair",
    {
        **_PAIR_COLUMNS,
        "pair_id": _PAIR_ID,
        "occurrence_guids": _guids("All messages of mine that said this: response_guids of every occurrence"),
    },
)

_SPLIT_VALUES = {"values": SPLITS, "nullable": True}
PAIR_SPLITS = Table(
    "pair_splits",
    "Which side of each split a pair is on; null: set aside",
    {
        "pair_id": _PAIR_ID,
        "split_pair": _text("By hash of the pair's key (default strategy)", **_SPLIT_VALUES),
        "split_contact": _text("By hash of the person", **_SPLIT_VALUES),
        "split_time": _text("By the frozen cut-off date", **_SPLIT_VALUES),
        "set_aside_reason": _text("Why the pair is on no side of split_pair; null: it is on one", nullable=True),
    },
)

RESPONSE_TOPICS = Table(
    "response_topics",
    "A pair's topic",
    {
        "pair_id": _PAIR_ID,
        "cluster_id": Column(Type.INTEGER, "Topic of the response; −1: noise", bounds=(-1, 2**31)),
        "cluster_conf": _share("Membership strength in its topic"),
        "topic_name": _text("The topic's most telling words (c-TF-IDF); null for noise", nullable=True, private=True),
        "map_x": _real("First coordinate on the topic map (UMAP)"),
        "map_y": _real("Second coordinate on the topic map (UMAP)"),
    },
)

DIALOGUE_ACTS = Table(
    "dialogue_acts",
    "What the two sides of a pair do",
    {
        "pair_id": _PAIR_ID,
        "trigger_da_type": _text("Act of the trigger", values=TRIGGER_ACTS),
        "trigger_da_conf": _share("Calibrated probability of it"),
        "response_da_type": _text("Type of the response", values=RESPONSE_TYPES),
        "response_da_conf": _share("Calibrated probability of it"),
        "abstained": _flag("The classifier was not sure enough of the response's type"),
        "cluster_id": Column(Type.INTEGER, "Topic of the response; −1: noise", bounds=(-1, 2**31)),
        "cluster_conf": _share("Membership strength in its topic"),
        "structural_type": _text(
            "Type by structural rules alone; null where no rule speaks", nullable=True, values=RESPONSE_TYPES
        ),
        "mismatch": _text(
            "mislabelled: similar sides with an unlikely type; bad_pair: unlike sides; null: neither",
            nullable=True,
            values=("mislabelled", "bad_pair"),
        ),
    },
)

HOLDOUT_EVALUATION = Table(
    "holdout_evaluation",
    "One measure of one system on the holdout",
    {
        "system": _text("System measured"),
        "measure": _text("What was measured; see docs/measures.md"),
        "value": _real("Its value", nullable=True),
        "low": _real("Lower end of the 95 % bootstrap interval over conversations", nullable=True),
        "high": _real("Upper end of the interval", nullable=True),
        "pairs": _count("Pairs it was measured on"),
    },
)

REPLY_TEMPLATES = Table(
    "reply_templates",
    "A cluster of interchangeable (incoming, reply) patterns",
    {
        "template_id": _text("Identifier", unique=True),
        "trigger_act": _text("Act of the incoming message", values=TRIGGER_ACTS),
        "response_type": _text("Type of the reply", values=RESPONSE_TYPES),
        "incoming_text": _text("Incoming message nearest to the cluster's centre", private=True),
        "reply_text": _text("Most used wording of the reply", private=True),
        "incoming_examples": _texts("Up to ten incoming messages", private=True),
        "reply_wordings": _texts("Wordings of the reply, most used first, up to ten", private=True),
        "uses": _count("Times the pattern occurred"),
        "person_ids": _texts("People it was used with, sorted"),
        "first_at": _time("First use"),
        "last_at": _time("Last use"),
    },
)

CONTACT_PROFILES = Table(
    "contact_profiles",
    "How the owner and one person write to each other",
    {
        "person_id": _text("Person", unique=True),
        "display_name": _text("Name; null when unknown", nullable=True, private=True),
        "message_count": _count("Messages both ways in direct conversations"),
        "my_share": _share("Share of them that are mine"),
        "my_mean_characters": _real("Mean length of my messages (characters)"),
        "their_mean_characters": _real("Mean length of theirs (characters)"),
        "my_emoji_rate": _share("Share of my messages with an emoji"),
        "median_reply_seconds": _real("Median seconds until I answer; null when I never did", nullable=True),
        "relationship": _text("Guess from how the two write", values=RELATIONSHIPS),
        "relationship_conf": _share("How sure the guess is"),
    },
)

GOLD_PAIR_REVIEW = Table(
    "gold_pair_review",
    "One verdict of a reviewer on one showing of a pair",
    {
        "showing": _text("One time that a pair was shown; a fifth of the pairs is shown twice", unique=True),
        "pair_id": _text("Pair reviewed"),
        "source": _text("Its source then", values=("gold", "semantic")),
        "confidence": _share("Its confidence then"),
        "reviewer": _text("Who judged it; 'owner' is the owner", private=True),
        "verdict": _text("Judgement", values=VERDICTS),
        "reason": _text("Why; null when none was given", nullable=True, values=REVIEW_REASONS),
        "note": _text("Why, in the reviewer's words; null when none were given", nullable=True, private=True),
        "reviewed_at": _time("When"),
    },
)

SUGGESTION_FEEDBACK = Table(
    "suggestion_feedback",
    "What the owner did with one suggestion",
    {
        "suggestion_id": _text("Suggestion judged"),
        "given_at": _time("When"),
        "action": _text("What happened to it", values=("sent", "edited", "dismissed")),
        "option": Column(Type.INTEGER, "Option chosen, from 0; −1: none", bounds=(-1, 2)),
        "route": _text("Route it came by"),
    },
)

ENCODER_COMPARISON = Table(
    "encoder_comparison",
    "What one way to run an encoder costs here, and how well its vectors serve on the owner's holdout",
    {
        "encoder": _text("Encoder"),
        "backend": _text("What ran it"),
        "precision": _text("How exactly", values=("fp32", "int8")),
        "is_chosen": _flag("Whether this is how the encoder is run here"),
        "dimension": _count("Length of a vector"),
        "disk_mb": _real("Size of its files (10⁶ bytes)"),
        "load_seconds": _real("Seconds to load"),
        "single_text_ms": _real("Median milliseconds for one text"),
        "single_text_p95_ms": _real("95th percentile of the same"),
        "texts_per_second": _real("Texts per second in batches"),
        "peak_mb": _real("Peak memory of a process that only loads it and encodes (10⁶ bytes)"),
        "recall_at_1": _share("1-of-100: chance that the real reply is nearest to the message among 99 others", nullable=True),
        "recall_low": _share("Lower end of its 95 % bootstrap interval over conversations", nullable=True),
        "recall_high": _share("Upper end", nullable=True),
        "neighbour_recall": _share("Of the 10 replies most like the real one, share given to the 100 nearest messages", nullable=True),
        "act_macro_f1": _share("Macro-F1 of response types on held-out exemplars", nullable=True),
        "topic_coverage": _share("Share of replies in a topic", nullable=True),
        "topic_agreement": _real("Agreement of two seeds on topics (adjusted mutual information)", nullable=True),
        "agreement": _real("Mean cosine to sentence-transformers' vectors of the same texts", nullable=True),
        "top1_match": _share("Top-1 semantic match on the holdout, where it was mined with", nullable=True),
        "top5_match": _share("Top-5 semantic match on the holdout, where it was mined with", nullable=True),
        "on_front": _flag("Whether no other way is as fast and as good, and better in one"),
    },
)

TUNED_ENCODER = Table(
    "tuned_encoder",
    "One measure of one recipe of fine-tuning, before and after",
    {
        "base": _text("Encoder that was tuned"),
        "recipe": _text("How it was tuned", values=TUNING_RECIPES),
        "measure": _text("What was measured; see docs/measures.md"),
        "asked": _text("Whose messages: the holdout of split_pair, of split_contact (new people, never seen), or both", values=("holdout", "new people", "both")),
        "judge": _text("What says which answer is right"),
        "before": _real("Value of the base", nullable=True),
        "before_low": _real("Lower end of its 95 % bootstrap interval over conversations", nullable=True),
        "before_high": _real("Upper end", nullable=True),
        "after": _real("Value of the tuned encoder", nullable=True),
        "after_low": _real("Lower end of its interval", nullable=True),
        "after_high": _real("Upper end", nullable=True),
        "difference": _real("After minus before", nullable=True),
        "low": _real("Lower end of the difference's interval, same resamples for both", nullable=True),
        "high": _real("Upper end", nullable=True),
        "count": _count("Messages, or pairs of texts, that it was measured on"),
        "kept": _flag("This recipe's encoder was installed"),
    },
)

ALL: dict[str, Table] = {
    table.name: table
    for table in (
        MESSAGES,
        PEOPLE,
        CONVERSATIONS,
        TURNS,
        GOLD_PAIRS,
        SEMANTIC_PAIRS,
        PAIRS,
        PAIR_SPLITS,
        RESPONSE_TOPICS,
        DIALOGUE_ACTS,
        HOLDOUT_EVALUATION,
        REPLY_TEMPLATES,
        CONTACT_PROFILES,
        GOLD_PAIR_REVIEW,
        SUGGESTION_FEEDBACK,
        ENCODER_COMPARISON,
        TUNED_ENCODER,
    )
}
"""Every table by its name, which is the asset's key."""
# fmt: on
