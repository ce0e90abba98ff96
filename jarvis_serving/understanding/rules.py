"""Rules of wording that name an act or a response type with high precision, and are silent otherwise.

They read the canonical words of ``wording.tokens``, so that each is written once for every spelling. They stand
beside the trained classifier: as features of it, as its second opinion where they are the surer of the two, and as
``structural_type`` in the tables. A rule that needs to know what was said before does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ADDRESS = (
    r"(?: (?:man|bro|dude|girl|babe|love|mom|mum|dad|sis|bud|buddy|mate|guys|all|everyone|team|sir|friend|there|you|boss|"
    r"hun|honey|dear|sweetie|king|queen|fam|my friend|beautiful|stranger|again))?"
)
_DECORATION = re.compile(r" ?(?:!|<smile>|<dots>|<heart>|<party>|<sign>|<wave>|<mention>)")
_FILLERS = r"(?:um|uh|er|honestly|to be honest|not going to lie|random|also|by the way|real quick|quick question|anyways?|well|like)"
_FILLER = re.compile(rf"^(?:{_FILLERS} )+(?=\S)|(?<=\S)(?: {_FILLERS})+$")
"""Words before and after what is said that change nothing of it."""
_LAUGH = r"(?:haha|<laugh>|rofl|dead|i am dead)"
_YES = r"(?:yes|yeah|yep|aye|mhm|sure|of course|definitely|absolutely|certainly|totally|for sure|obviously|bet)"
_FINE = r"(?:ok|alright|aight|alrighty|got it|gotcha|noted|understood|roger|copy|copy that|i see|makes sense|fair|fair enough|cool|will do)"
_THANKS = r"(?:thanks|thank you|cheers|appreciate it|much appreciated)"
_PASTIME = (
    r"(?:get|grab|go|come|hang|join|see|play|watch|do|chill|meet|catch|have|check out|study|hit|walk|run|facetime|"
    r"video|order|slide|stop by|swing|tag along|party|dance|eat|drink|celebrate|travel|visit|stay|shoot|work out|try)"
)
_WH = r"(?:what|when|where|who|why|how|which|whose)"
_AUX = r"(?:do|does|did|are|is|am|was|were|have|has|had|will|would|can|could|should|shall|may|might|going to|wait)"

_RESPONSES: Sequence[tuple[str, str]] = (
    (
        "ANSWER",
        r"(?:(?:at|around|like|by|about|after|say|maybe) )?(?:<time>|<money>|<number>(?: or <number>)?)"
        r"(?: (?:tomorrow|today|tonight|or <time>|works|is good|is fine|ish))*(?: \?)?",
    ),
    # A reply that settles the matter and then asks is what it settles: "yes! where?" agrees.
    (
        "AGREE",
        r"(?:(?:omg|oh|haha|honestly|hey) )*(?:yes|yeah|yep|sure|definitely|absolutely|of course|hell yes|i am (?:in|down|free|game)|"
        r"i would love to|would love to|sounds (?:good|great|fun)) (?!but\b|not\b|it is not|if\b).*\w.* \?",
    ),
    (
        "DECLINE",
        r"(?:(?:aw|ah|sorry|oh|ugh|unfortunately) )*(?:no (?:sorry|but|thanks|thank you|i can not|can not)|i can not|can not|"
        r"will not be able to|i am busy) .*\b(?:how about|what about|can we|could we|another|instead|tomorrow|next|later|rain check)\b.* \?",
    ),
    ("DEFER", r"(?:hmm* )?(?:maybe|possibly|not sure(?: yet)?|i do not know(?: yet)?|depends) \w.* \?"),
    (
        "ANSWER",
        r"(?:haha |oh |i am |doing |pretty |all |so |just )*(?:good|fine|not bad|well|ok|great|alright|tired|busy|not much|nothing|nothing much|chilling)"
        r"(?: (?:thanks|thank you|too))? (?:and |what about |how about )?(?:you|yours|your day|yourself)(?: \?)?",
    ),
    ("QUESTION", r".* \?(?: (?:haha|<\w+>|\?|!))*|\?"),
    (
        "QUESTION",
        rf"(?:and |so |wait |ok |yeah )?(?:{_WH}|what time|how much|how many|how come|which one|how long|who else|"
        r"how about you|what about you|why not|what for|where at|when at|what do you mean)(?: (?:though|man|bro))?",
    ),
    (
        "GREETING",
        rf"(?:(?:hey|hi|hello|yo|hiya|howdy|hola|heya|ello|ayo|hallo|good morning|morning|good evening|good afternoon|"
        rf"good night|night|sweet dreams|happy new year|merry christmas|happy birthday|same to you){_ADDRESS} ?)+(?:to you)?(?: too)?",
    ),
    ("ACKNOWLEDGE", rf"(?:{_FINE}|{_LAUGH}|<thumb>| )+"),
    (
        "ACKNOWLEDGE",
        rf"(?:(?:ok|oh|aw|got it|perfect|great|cool|haha) )*{_THANKS}(?: (?:so much|a lot|again|a bunch|a million|<\w+>))*{_ADDRESS}"
        r"(?: for (?:letting me know|the update|the heads up|confirming))?",
    ),
    (
        "ACKNOWLEDGE",
        r"(?:it is ok |no )?(?:problem|worries|prob)(?: at all)?|you are welcome|any ?time|do not worry(?: about it)?|"
        r"see you(?: (?:then|there|soon|later|tomorrow))?|bye(?: bye)?|talk (?:to you )?(?:later|soon)",
    ),
    (
        "REACT_SYMPATHY",
        r".*\b(?:sorry (?:for your loss|to hear|you are going through|that happened)|so sorry|feel better|get well|"
        r"condolences|that sucks|poor (?:thing|you|baby)|hang in there|heart breaks|sending (?:you )?(?:hugs|love|prayers)|"
        r"(?:that is|this is|how) (?:so |really )?(?:sad|awful|terrible|horrible|heartbreaking|rough|unfair|the worst)|praying for|"
        r"oh no|here for you|thinking of you|their loss|sorry to)\b.*|(?:rip|yikes|bummer|ouch|noo+|damn that sucks)",
    ),
    (
        "REACT_POSITIVE",
        r"(?:(?:omg|aw|wow|yay|haha|oh my god) )*(?:congratulations|so proud|proud of you|well deserved|way to go|"
        r"(?:so|very|really) happy for|good for you|(?:that is|this is) (?:so |absolutely |really )?"
        r"(?:amazing|awesome|great news|huge|incredible|fantastic|wonderful|exciting|sick|dope|beautiful|hilarious))\b.*|"
        r"(?:omg |oh )?(?:let us go|yay|woohoo|woo|hooray|legend|amazing|incredible|awesome work|great job|nice work|nice one|"
        r"knew you (?:would|could)|told you)(?: (?:man|bro|girl|dude))?",
    ),
    (
        "DEFER",
        r".*\b(?:let me (?:check|see|ask|think|look|find out|get back|figure|confirm|talk)|get back to you|circle back|"
        r"(?:will|can i) let you know|let you know (?:later|tomorrow|tonight|when)|i will (?:try|see|look into)|not sure|"
        r"we will see|will see|(?:it )?depends|no (?:idea|clue)|i do not know|have to (?:check|ask|see)|need to (?:check|ask|think)|"
        r"will confirm|ask me (?:later|tomorrow)|might be able|have not decided|sleep on it|play it by ear|to be determined)\b.*|"
        r"(?:hmm+ |hm )?(?:maybe|possibly|perhaps|hopefully|tbd|do not know|<unsure>|later|in a bit)(?: (?:later|tomorrow))?",
    ),
    (
        "DECLINE",
        r"(?:(?:aw|ah|sorry|oh|hey|i wish but|unfortunately|honestly|ugh) )*(?:i )?(?:can not|could not|will not be able)"
        r"(?: (?:tonight|today|tomorrow|make it|come|sorry|this week\w*|this time|do it|do that|right now|go|join|attend|to))*"
        r"(?: (?:i am|i have|got|too|working|at|with|and|but)\b.*)?",
    ),
    (
        "DECLINE",
        r"(?:no|not (?:tonight|today|this time|really|yet|at all)|no (?:thanks|thank you)|i (?:will|am going to|have to|got to) pass|"
        r"rain check|hard pass|i am good|<thumbdown>|never|no can do|do not think so|i do not think so|probably not|nothing)"
        r"(?: (?:thanks|sorry|man|bro|not yet|i am good|mom|dad|haha|but thanks|though))*",
    ),
    (
        "DECLINE",
        r"(?:no|nope) (?:i|sorry|not|we|it|they|he|she|you|that)\b.*|.*\b(?:will not be able to|can not make it|rain check|"
        r"going to have to pass|have a conflict|have plans already|maybe next time|another time)\b.*",
    ),
    (
        "AGREE",
        rf"(?:{_YES}|hell yes|omg yes|sounds (?:good|great|like a plan|perfect|fun)|i am (?:in|down|game|free|so in|so down|so there)|"
        r"down|count me in|on it|sure thing|i would (?:love|like) (?:to|that)|would love to|why not|say (?:no more|less)|"
        r"got you|i got you|happy to|agreed|exactly|same|so true|facts|i know right|true|deal|done|please|i do|i did|i am|they do|it is|"
        r"i believe so|i think so|always|please do|let us do it|right)"
        rf"(?: (?:{_YES}|please|man|bro|dude|mom|dad|sir|thanks|thank you|haha|i am down|i am in|for sure|just now|sounds good|sounds great|i would love to|why not|"
        r"i can|i will|i do|i did|i am|we are|they do|it is|on it|no problem))*",
    ),
    (
        "AGREE",
        r"(?:yes|yeah|yep) (?!but|why|what|where|how|who|when|no|not|right|though|in|haha (?:no|but))\w+(?: \S+){0,8}",
    ),
)

_TRIGGERS: Sequence[tuple[str, str]] = (
    (
        "GREETING",
        rf"(?:(?:hey|hi|hello|yo|hiya|howdy|hola|heya|ello|ayo|hallo|oi|good morning|morning|good evening|good afternoon|"
        rf"good night|night night|sweet dreams){_ADDRESS} ?)+|happy (?:birthday|new year|easter|thanksgiving|anniversary|holidays|friday)\b.*|"
        r"merry christmas.*|(?:hey |hi |yo |hello )?(?:how are you|what is up|how is it going|how you doing|how are things|how have you been|"
        rf"what is good|how do you do|how are you doing|how is everything){_ADDRESS}(?: \?)?",
    ),
    (
        "ACKNOWLEDGE",
        rf"(?:{_FINE}|{_LAUGH}|{_YES}|no|perfect|great|sweet|nice|awesome|sounds good|works for me|right|exactly|true|same|<thumb>|<laugh>| )+",
    ),
    (
        "ACKNOWLEDGE",
        rf"(?:(?:ok|oh|aw|got it|perfect|great|cool|haha) )*{_THANKS}(?: (?:so much|a lot|again|a bunch|<\w+>))*{_ADDRESS}|"
        r"no (?:problem|worries)|you are welcome|see you(?: (?:then|there|soon|later|tomorrow))?|bye(?: bye)?|"
        r"talk (?:to you )?(?:later|soon)|take care",
    ),
    (
        "OPINION",
        r"(?!(?:what time|how many|where|which|when)\b).*\b(?:what do you (?:guys )?think|what did you think|what would you (?:do|pick|choose|get)|what do you make of|which (?:one )?do you (?:prefer|like)|do you (?:agree|prefer|believe)|"
        r"would you (?:buy|rather|say|go if)|how does (?:this|that|it) (?:sound|look)|(?:is|was|does|are) (?:this|that|it|these|those)\b.* too (?:much|long|short|big|small|late|early|weird)|(?:any )?thoughts|your (?:opinion|take|thoughts|read)|"
        r"do you think|how do (?:you feel about|i look)|how would you feel|should i (?:text|take|quit|buy|get|go with|wear|tell|call|apply|accept|just)|"
        r"what should i do|is it worth|(?<!to )be honest|am i overreacting|any good|any feedback)\b.*\??",
    ),
    (
        "BAD_NEWS",
        r".*\b(?:passed away|died|broke up|dumped me|cheated on me|laid off|got fired|in the hospital|has cancer|heart attack|"
        r"car accident|got towed|got stolen|stole my|got rejected|rejected my|did not get (?:in|the)|miscarriage|"
        r"(?:worst|terrible|horrible|awful) (?:day|week|news)|i failed|getting divorced|bad news|broke my|lost (?:her|him|my (?:job|wallet|phone|mom|dad)))\b(?!.*\?).*",
    ),
    (
        "GOOD_NEWS",
        r"(?:omg |guess what |hey |yay |so )*(?:i|we|he|she|they) (?:just |finally |both )?(?:got (?:the (?:job|house|apartment|offer|internship|part)|promoted|accepted|engaged|a raise|into|in)|"
        r"passed(?! away| out| by)|won|aced|proposed|said yes|are engaged|am pregnant|am engaged|made the team|beat)\b(?!.*\?).*|.*\b(?:good|great|amazing|best) news\b.*",
    ),
    (
        "INVITATION",
        rf"(?:(?:hey|hi|yo|so|omg|ok|um|anyway) )*(?:do you |would you |you |you guys |does anyone |anyone |are you )*(?:want to|like to|trying to|up for|down for|down to|interested in|feel like) (?:\w+ )?"
        rf"(?:{_PASTIME}|brunch|lunch|dinner|drinks|coffee|a|some|going|going out|it)\b.*|"
        r".*\b(?:you are invited|(?<!i )come over(?! \?$)|come (?:with|join|visit|stay|hang) (?:us|me|with)|join us|(?:extra|spare) ticket|you should come|my treat|"
        r"if you want(?: to)? (?:join|come|tag along))\b.*|"
        r"(?:(?:hey|so|ok) )*(?:are |is )?(?:you|anyone|who is|you guys) (?:free|around|available)(?: (?:tonight|tomorrow|later|today|this|next|on|at|after|for|in)\b.*| \w+day\b.*|(?: \?)?)|"
        r"(?:(?:hey|so|ok) )*(?:(?:are |is )?(?:you|anyone|who is|you guys) (?:up|down|game|in) (?:for|to)|who wants to|care to join|shall we go|anyone up for)\b.*|"
        r"(?:(?:hey|so|ok) )*(?:how|what) about (?:a |some |we |getting |going )?(?:dinner|lunch|brunch|drinks|coffee|movie|drive|walk|beers?|breakfast|pizza|sushi|tacos|get|go|grab)\b.*|"
        r"(?:hey |ok |so )?let us (?:get|grab|go|do|hang|have|meet|catch|play|watch|eat|order|celebrate|take)\b.*|"
        r"(?:lunch|dinner|brunch|drinks|coffee|movie night|happy hour|breakfast|game night|gym|beers|pizza|tacos)\b(?: (?:tomorrow|tonight|today|later|on \w+|this \w+|\w+day|after \w+|at \S+))* \?",
    ),
    (
        "REQUEST",
        r"(?:(?:hey|hi|yo|ok|so|also|and|omg|babe|mom|dad|honey) )*(?:(?:can|could|will|would) (?:you|u)(?: guys| please| maybe| just)*(?! (?:come|make it|join|believe|imagine|tell|be there|hear))|"
        r"please|would you mind|mind if i|do me a favor|remind me|send me|text me|call me|pick me up|let me know|lmk|do not forget|make sure|"
        r"can i (?:borrow|get|have|crash|use)|can we (?:push|move|reschedule|switch|make it|do (?:it )?(?:\w+ )?instead|talk)|"
        r"(?:i|we) need (?:you|your help|a ride|a favor)|do you mind|any chance (?:you|we)|is there any way|would it be ok if|is it ok if i)\b.*|"
        r"(?:(?:hey|ok|also|and|babe|mom|dad|honey) )*(?:do not |please )?(?:send|bring|grab|pick up|put|turn|take|get|buy|order|print|add|save|wake|give|show|tell|call|text|ask|"
        r"lock|close|open|feed|move|delete|forward|book|pay|venmo|zelle|ping|check|clean|answer|leave|forget|drop|share|water|start|sign|keep|help|bring|fill) "
        r"(?!me (?:if|when) |it easy|that as)(?:me|my|the|him|her|them|us|it|some|a|an|that|this between|mom|dad|your (?!time|word)|off|up)\b(?!.* \?).*",
    ),
    (
        "WH_QUESTION",
        rf"(?:(?:hey|hi|yo|so|ok|wait|and|but|omg|um|oh|btw|by the way) )*{_WH} (?:is|are|am|was|were|do|does|did|will|would|should|can|could|has|have|time|day|one|"
        r"kind|size|much|many|long|far|old|late|soon|come|else|to|about|you|he|she|they|told|not|won|was|went|made|got)\b.*|"
        rf"(?:so |and |wait |ok )?{_WH}(?: \S+)* \?",
    ),
    (
        "YN_QUESTION",
        rf"(?:(?:hey|hi|yo|so|ok|wait|and|but|omg|um|oh|babe|mom|dad) )*{_AUX} (?:you|i|we|he|she|they|it|that|this|the|there|your|my|anyone|everyone|everything|mom|dad)\b.* \?|"
        r"(?:(?:hey|so|ok|wait|and|but) )*(?:do|did|are|were|have|will) (?:you|we|they)\b.*",
    ),
)

_RESPONSE_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _RESPONSES)
_TRIGGER_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _TRIGGERS)


def _first(patterns: Sequence[tuple[str, re.Pattern[str]]], words: Sequence[str]) -> str | None:
    """Name of the first pattern that the whole text matches, decoration left out."""
    text = _FILLER.sub("", _DECORATION.sub("", " ".join(words)).strip())
    if not text:
        return None
    return next((name for name, pattern in patterns if pattern.fullmatch(text)), None)


def response_type_of_words(words: Sequence[str]) -> str | None:
    """Response type by wording alone, of canonical words; None where no rule speaks."""
    return _first(_RESPONSE_PATTERNS, words)


def trigger_act_of_words(words: Sequence[str]) -> str | None:
    """Trigger act by wording alone, of canonical words; None where no rule speaks."""
    return _first(_TRIGGER_PATTERNS, words)
