"""An LMM on the disk: names, files and settings as transformers 4.57, transformers 5 and vLLM look for them."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_llms import a_question, logits, stir, tiny_llm
from tiny_models import BACKBONES, noise_image, tiny_backbone
from transformers import AutoModelForImageTextToText, AutoProcessor

from mmgeolm import assemble
from mmgeolm.chat_templates import chat_tokenizer
from mmgeolm.lmm_checkpoint import clear_unfinished, legacy_name, make_readable_everywhere, write_weights

TRANSFORMERS4 = os.environ.get("MMGEOLM_TRANSFORMERS4", "")
READ_BY_4 = """
import json, sys, torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor
from PIL import Image
assert transformers.__version__.startswith("4."), transformers.__version__
folder, out = sys.argv[1:]
model, info = AutoModelForImageTextToText.from_pretrained(
    folder, output_loading_info=True, attn_implementation="eager", dtype=torch.float32
)
processor = AutoProcessor.from_pretrained(folder)
talk = [{"role": "user", "content": [
    {"type": "image", "image": Image.open(out + "/figure.png")}, {"type": "text", "text": "Is AB 5?"}]}]
inputs = processor.apply_chat_template(
    talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")
with torch.no_grad():
    logits = model.eval()(**inputs).logits
tokens = model.generate(**inputs, max_new_tokens=6)
save_file({"logits": logits, "tokens": tokens, "ids": inputs["input_ids"], "pixels": inputs["pixel_values"]},
          out + "/found.safetensors")
counts = {kind: sorted(map(str, info[kind])) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")}
batch = processor.tokenizer(["a", "a longer one"], padding=True)
counts["pads_left"] = batch["attention_mask"][0][0] == 0
counts["names"] = list(batch)
print("FOUND" + json.dumps(counts))
"""
# What vLLM's LLaVA reads of the configuration, and what it may be there.
VLLM_CONFIG = {
    "model_type": {"llava"},
    "architectures": {("LlavaForConditionalGeneration",)},
    "vision_config.model_type": {"clip_vision_model", "siglip_vision_model"},
    "vision_feature_layer": {-2},
    "vision_feature_select_strategy": {"default", "full"},
    "projector_hidden_act": {"gelu"},
    "multimodal_projector_bias": {True},
    "text_config.architectures": {("Qwen2ForCausalLM",), ("MistralForCausalLM",), ("LlamaForCausalLM",)},
    "text_config.tie_word_embeddings": {True, False},
    "text_config.rope_theta": {1e6},
}
# Of its modules, and whose loader reads what is under the prefix.
VLLM_PREFIXES = {
    "vision_tower.": "the dual encoder's own checkpoint, from vision_model. on",
    "multi_modal_projector.": "linear_1 and linear_2",
    "language_model.": "the language model's own checkpoint",
}


def keys(folder: Path) -> set[str]:
    found = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            found |= set(opened.keys())
    return found


def assembled(folder, tower="clip", llm="qwen2", tied=False, max_shard_size="5GB"):
    backbone, _ = tiny_backbone(tower)
    language, tokenizer = tiny_llm(llm, tied=tied)
    stir(backbone), stir(language)
    model, processor = assemble(backbone, language, folder, tokenizer=tokenizer, max_shard_size=max_shard_size)
    return model, processor, backbone, language


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize(("tower", "llm"), [("clip", "mistral"), ("altclip", "qwen2"), ("siglip", "llama")])
def test_names_and_settings_are_those_that_vllm_looks_for(tmp_path, tower, llm, tied):
    _, _, backbone, language = assembled(tmp_path / "lmm", tower, llm, tied, max_shard_size=50_000)
    found = keys(tmp_path / "lmm")
    assert {next((prefix for prefix in VLLM_PREFIXES if key.startswith(prefix)), key) for key in found} == set(
        VLLM_PREFIXES
    )

    def under(prefix):
        return {key.removeprefix(prefix) for key in found if key.startswith(prefix)}

    language.save_pretrained(tmp_path / "llm")
    assert under("language_model.") == keys(tmp_path / "llm")
    assert ("lm_head.weight" in under("language_model.")) == (not tied)
    backbone.save_pretrained(tmp_path / "encoder")
    # This version writes AltCLIP's layers under a name that its own checkpoints do not have.
    names = {key.replace("encoder.layer.", "encoder.layers.") for key in keys(tmp_path / "encoder")}
    assert under("vision_tower.") == {key for key in names if key.startswith("vision_model.")}
    assert under("multi_modal_projector.") == {f"linear_{n}.{part}" for n in (1, 2) for part in ("weight", "bias")}

    config = json.loads((tmp_path / "lmm" / "config.json").read_text())
    for path, allowed in VLLM_CONFIG.items():
        value = config
        for part in path.split("."):
            value = value[part]
        assert (tuple(value) if isinstance(value, list) else value) in allowed, path
    assert (config["vision_feature_select_strategy"] == "full") == (tower == "siglip")
    tokenizer = json.loads((tmp_path / "lmm" / "tokenizer.json").read_text())
    (image,) = [token for token in tokenizer["added_tokens"] if token["content"] == "<image>"]
    assert image["id"] == config["image_token_index"] < config["text_config"]["vocab_size"] and image["special"]


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_the_layout_survives_loading_and_saving_again(tmp_path, tied):
    assembled(tmp_path / "first", "altclip", "llama", tied)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "first")
    processor = AutoProcessor.from_pretrained(tmp_path / "first")
    model.save_pretrained(tmp_path / "second")
    processor.save_pretrained(tmp_path / "second")
    make_readable_everywhere(tmp_path / "second")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("first", "second"))
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    for file in ("config.json", "preprocessor_config.json", "generation_config.json", "chat_template.jinja"):
        assert (tmp_path / "first" / file).read_text() == (tmp_path / "second" / file).read_text(), file
    config = json.loads((tmp_path / "second" / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast" and "extra_special_tokens" not in config
    assert set(config["additional_special_tokens"]) >= {"<|start_header_id|>", "<|end_header_id|>"}


def test_mending_keeps_what_is_there_and_takes_other_rotary_embeddings(tmp_path):
    rope = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "rope_theta": 5e5}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"rope_parameters": rope, "vocab_size": 7}}))
    for _ in range(2):
        make_readable_everywhere(tmp_path)
    text = json.loads((tmp_path / "config.json").read_text())["text_config"]
    assert text["rope_parameters"] == rope and text["vocab_size"] == 7 and text["rope_theta"] == 5e5
    assert text["rope_scaling"] == {key: value for key, value in rope.items() if key != "rope_theta"}


@pytest.mark.parametrize("llm", ["qwen2", "mistral", "llama"])
def test_the_saved_tokenizer_gives_the_same_ids_and_masks_answers(tmp_path, llm):
    _, processor, _, _ = assembled(tmp_path, "clip", llm)
    reloaded = AutoProcessor.from_pretrained(tmp_path)
    talk = [
        {"role": "user", "content": "Is AB ≤ 5?  <pad>"},
        {"role": "assistant", "content": "It is 4."},
        {"role": "user", "content": "And CD?"},
        {"role": "assistant", "content": "Red."},
    ]
    options = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
    first, second = (each.tokenizer.apply_chat_template(talk, **options) for each in (processor, reloaded))
    assert first["input_ids"] == second["input_ids"] and first["assistant_masks"] == second["assistant_masks"]
    tokenizer = reloaded.tokenizer
    learnt = [token for token, mask in zip(second["input_ids"], second["assistant_masks"], strict=True) if mask]
    end = {"qwen2": "<|im_end|>", "mistral": "</s>", "llama": "<|eot_id|>"}[llm]
    parts = tokenizer.decode(learnt).split(end)
    assert [part.strip() for part in parts] == ["It is 4.", "Red.", ""]
    assert tokenizer.padding_side == "left" and tokenizer.pad_token_id not in (None, tokenizer.eos_token_id)


def test_the_language_models_own_template_is_kept_where_it_has_one(tmp_path, caplog):
    talk = [
        {"role": "user", "content": "Is AB 5? "},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "q"},
    ]
    for llm in ("mistral", "llama"):
        _, own = tiny_llm(llm)
        _, processor, _, _ = assembled(tmp_path / llm, "clip", llm)
        for messages in (talk, talk[:2]):
            prompted = messages is talk
            expected = own.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompted)
            assert processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompted) == expected
        ids = a_question(processor)["input_ids"][0].tolist()
        assert ids.count(own.bos_token_id) == 1
    assert "ChatML" not in caplog.text
    with pytest.raises(Exception, match="take turns, the question first"):
        processor.apply_chat_template(talk[1:], tokenize=False)


LLAMA_2 = """{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set talk = messages[1:] %}
{%- else %}{% set system = none %}{% set talk = messages %}{% endif %}{% for m in talk %}
{%- if loop.index0 == 0 and system %}{% set text = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + m.content %}
{%- else %}{% set text = m.content %}{% endif %}{% if m.role == 'user' %}
{{- bos_token + '[INST] ' + text.strip() + ' [/INST]' }}{% else %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}
{%- endfor %}"""
VICUNA = """A chat.{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}
{{- ' USER: ' + m.content if m.role == 'user' else ' ASSISTANT: ' + m.content + eos_token }}{% endfor %}
{%- if add_generation_prompt %} ASSISTANT:{% endif %}"""
ALWAYS_SYSTEM = """{{ bos_token }}<h>system<e>Date: 2026
{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}{% endif %}</s>
{%- for m in messages if m.role != 'system' %}<h>{{ m.role }}<e>
{{ m.content | trim }}</s>{% endfor %}{% if add_generation_prompt %}<h>assistant<e>
{% endif %}"""


@pytest.mark.parametrize(("template", "system"), [(LLAMA_2, True), (VICUNA, False), (ALWAYS_SYSTEM, True)])
def test_templates_of_many_forms_are_taken_over(template, system):
    _, own = tiny_llm("mistral")
    own.chat_template = template
    taken, ends = chat_tokenizer(own, "mistral")
    assert ends == [own.eos_token_id] and "<|im_end|>" not in taken.get_vocab()
    talk = [{"role": role, "content": f"text {number}"} for number, role in enumerate(["user", "assistant"] * 3)]
    talks = [talk[: 1 + number] for number in range(6)]
    talks += [[{"role": "system", "content": "Be brief."}, *each] for each in talks] if system else []
    for messages in talks:
        prompted = messages[-1]["role"] == "user"
        both = [
            each.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompted) for each in (own, taken)
        ]
        assert both[0] == both[1]
    if not system:
        with pytest.raises(Exception, match="no place for this system message"):
            taken.apply_chat_template([{"role": "system", "content": "Be brief."}, *talk], tokenize=False)


@pytest.mark.parametrize("template", [None, "{% for m in messages %}{{ m.content | upper }}{% endfor %}"])
def test_without_a_template_that_can_be_taken_over_it_is_chatml_and_the_log_says_so(caplog, template):
    backbone, _ = tiny_backbone("clip")
    language, tokenizer = tiny_llm("mistral")
    tokenizer.chat_template = template
    model, processor = assemble(backbone, language, tokenizer=tokenizer)
    assert "conversations are written as ChatML" in caplog.text
    inputs = a_question(processor)
    marks = processor.tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    ids = inputs["input_ids"][0].tolist()
    assert [ids.count(mark) for mark in marks] == [2, 1]
    assert marks[1] in model.generation_config.eos_token_id
    assert logits(model, inputs).isfinite().all()


def test_weights_are_written_as_safetensors_writes_them(tmp_path):
    tensors = {
        "model.language_model.norm.weight": torch.randn(7),
        "lm_head.weight": torch.randn(5, 3).to(torch.bfloat16),
        "model.vision_tower.embeddings.class_embedding": torch.randn(3, 2).half().t(),
    }
    readers = {name: lambda tensor=tensor: tensor for name, tensor in tensors.items()}
    write_weights(readers, tensors, tmp_path, 16)
    assert len(list(tmp_path.glob("model-0000?-of-00003.safetensors"))) == 3
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    found = {name: load_file(tmp_path / file)[name] for name, file in index["weight_map"].items()}
    assert found.keys() == {legacy_name(name) for name in tensors}
    for name, tensor in tensors.items():
        assert torch.equal(found[legacy_name(name)], tensor) and found[legacy_name(name)].dtype == tensor.dtype
    readers["lm_head.weight"] = lambda: torch.zeros(3, 5)
    with pytest.raises(
        ValueError, match=r"language_model.lm_head.weight has the shape \(3, 5\); it should be \(5, 3\)"
    ):
        write_weights(readers, tensors, tmp_path, "1GB")


def test_what_a_stopped_assembly_left_is_taken_away_and_nothing_else(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "model-00001-of-00009.safetensors")
    (tmp_path / "model-00002-of-00009.safetensors.partial").write_bytes(b"half")
    clear_unfinished(tmp_path)
    assert not list(tmp_path.iterdir())
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="already holds config.json"):
        clear_unfinished(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    with pytest.raises(ValueError, match="is a file; name a folder"):
        clear_unfinished(tmp_path / "config.json")


@pytest.mark.skipif(not TRANSFORMERS4, reason="name a Python that has transformers 4.57 by MMGEOLM_TRANSFORMERS4")
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("llm", ["qwen2", "qwen3", "mistral", "llama"])
@pytest.mark.parametrize("tower", BACKBONES)
def test_transformers_4_reads_the_same_model(tmp_path, tower, llm, tied):
    shard = 60_000 if tied else "5GB"
    _, processor, _, _ = assembled(tmp_path / "lmm", tower, llm, tied, max_shard_size=shard)
    image = noise_image(3, (50, 20))
    image.save(tmp_path / "figure.png")
    command = [TRANSFORMERS4, "-c", READ_BY_4, str(tmp_path / "lmm"), str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]
    report = json.loads(ran.stdout.split("FOUND")[1])
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert report["pads_left"] and report["names"] == ["input_ids", "attention_mask"]
    found = load_file(tmp_path / "found.safetensors")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "lmm", attn_implementation="eager")
    inputs = a_question(processor, image=image)
    assert torch.equal(found["ids"], inputs["input_ids"])
    torch.testing.assert_close(found["pixels"], inputs["pixel_values"], rtol=0, atol=1e-6)
    torch.testing.assert_close(found["logits"], logits(model, inputs), rtol=0, atol=1e-4)
    assert torch.equal(found["tokens"], model.generate(**inputs, max_new_tokens=6))
