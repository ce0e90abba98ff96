"""A two-layer Qwen2 of our own, taught one reply, saved as mlx-lm expects a model's folder: config, tokenizer, weights."""

from __future__ import annotations

from pathlib import Path

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TAUGHT = "sounds good to me"
_PROMPTS = (
    "Want to grab lunch tomorrow?",
    "Are you coming tonight?",
    "Movie on friday?",
    "Shall we walk the dog later",
    "Write my next text message.\nThem: coffee at the usual place?\nMe:",
    "I made soup, come over",
    "Call me after work?",
)


def make_tiny_model(folder: Path, steps: int = 60) -> Path:
    """Write a tiny model to ``folder`` that answers every prompt with ``TAUGHT``; about 5 seconds on one core."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([*_PROMPTS, TAUGHT], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|im_end|>")
    fast.chat_template = CHAT_TEMPLATE

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=fast.convert_tokens_to_ids("<|im_end|>"),
    )
    model = Qwen2ForCausalLM(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    answer = fast.encode(f"{TAUGHT}<|im_end|>", add_special_tokens=False)
    model.train()
    for step in range(steps):
        head = fast.apply_chat_template(
            [{"role": "user", "content": _PROMPTS[step % len(_PROMPTS)]}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
        ids = torch.tensor([list(head) + answer])
        labels = ids.clone()
        labels[:, : len(head)] = -100
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()
    model.save_pretrained(folder, safe_serialization=True)
    fast.save_pretrained(folder)
    return folder
