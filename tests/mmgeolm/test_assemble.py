"""Assembling: what the whole computes is what its parts compute, in memory and on the disk; bad parts are refused."""

import json
import logging
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_llms import a_question, logits, stir, tiny_llm, tiny_lmm
from tiny_models import BACKBONES, noise_image, save_backbone, tiny_backbone, tiny_mmclip
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    CLIPConfig,
    CLIPModel,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    Siglip2Config,
    Siglip2Model,
    pipeline,
)

from mmgeolm import assemble
from mmgeolm.assembly import check_features, check_text_logits
from mmgeolm.scripts.assemble import main as assemble_command
from mmgeolm.tiny_lmm import word_tokenizer

LLMS = ("qwen2", "mistral", "llama")


def save_llm(folder, kind, tied=False, max_shard_size="5GB"):
    model, tokenizer = tiny_llm(kind, tied=tied)
    stir(model).save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer.save_pretrained(folder)
    return str(folder), model, tokenizer


@pytest.mark.parametrize("shard", ["5GB", 40_000], ids=["one file", "sharded"])
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("llm", LLMS)
@pytest.mark.parametrize("tower", BACKBONES)
def test_the_whole_computes_what_its_parts_compute_in_memory_and_reloaded(tmp_path, tower, llm, tied, shard):
    backbone, _ = tiny_backbone(tower)
    stir(backbone)
    language, tokenizer = tiny_llm(llm, tied=tied)
    stir(language)
    in_memory, processor = assemble(backbone, language, tokenizer=tokenizer)
    written, _ = assemble(backbone, language, tmp_path / "lmm", tokenizer=tokenizer, max_shard_size=shard)
    files = len(list((tmp_path / "lmm").glob("*.safetensors")))
    assert files == 1 if shard == "5GB" else files > 3

    reloaded, info = AutoModelForImageTextToText.from_pretrained(
        tmp_path / "lmm", output_loading_info=True, attn_implementation="eager"
    )
    assert type(reloaded) is LlavaForConditionalGeneration
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))

    pixels, ids = torch.randn(2, 3, 32, 32), torch.randint(5, 250, (2, 9))
    text = language(ids).logits
    for model in (in_memory, written):
        features = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2]
        assert torch.equal(features, backbone.vision_model(pixels, output_hidden_states=True).hidden_states[-2])
        torch.testing.assert_close(model(ids).logits[..., : text.shape[-1]], text, rtol=0, atol=1e-5)

    inputs = a_question(processor)
    greedy = in_memory.generate(**inputs, max_new_tokens=6)
    assert torch.equal(reloaded.generate(**inputs, max_new_tokens=6), greedy)
    in_memory.set_attn_implementation("eager")
    assert torch.equal(logits(in_memory, inputs), logits(reloaded, inputs))


def test_from_folders_the_result_is_that_of_models_in_memory(tmp_path):
    encoder, encoder_processor = tiny_mmclip("altclip")
    encoder.save_pretrained(tmp_path / "encoder")
    encoder_processor.save_pretrained(tmp_path / "encoder")
    folder, language, tokenizer = save_llm(tmp_path / "llm", "llama", max_shard_size=30_000)
    expected, processor = assemble(encoder, language, tokenizer=tokenizer)
    for arguments in ((tmp_path / "encoder", folder), (tmp_path / "encoder", folder, tmp_path / "lmm")):
        found, found_processor = assemble(*arguments)
        weights = found.state_dict()
        assert weights.keys() == expected.state_dict().keys()
        assert all(torch.equal(weights[name], tensor) for name, tensor in expected.state_dict().items())
        assert found_processor.to_dict() == processor.to_dict()
    config = (tmp_path / "lmm" / "config.json").read_text()
    assert str(tmp_path) not in config + (tmp_path / "lmm" / "tokenizer_config.json").read_text()


def test_saving_a_model_assembled_in_memory_writes_the_layout_that_assemble_writes(tmp_path):
    encoder, _ = tiny_mmclip()
    language, tokenizer = tiny_llm("qwen2", tied=True)
    model, _ = assemble(encoder, language, tokenizer=tokenizer)
    model.save_pretrained(tmp_path / "saved")
    assemble(encoder, language, tmp_path / "written", tokenizer=tokenizer)
    saved, written = (load_file(tmp_path / name / "model.safetensors") for name in ("saved", "written"))
    assert saved.keys() == written.keys()
    assert all(torch.equal(saved[name], written[name]) for name in saved)


def test_models_in_memory_share_their_weights_and_are_left_as_they_were():
    encoder, _ = tiny_mmclip("clip")
    language, tokenizer = tiny_llm("mistral")
    language.set_attn_implementation("eager")
    before, template, size = language.config.to_dict(), tokenizer.chat_template, len(tokenizer)
    model, _ = assemble(encoder, language, tokenizer=tokenizer)
    assert language.config.to_dict() == before
    assert (tokenizer.chat_template, len(tokenizer)) == (template, size)
    own = language.model.layers[0].mlp.up_proj.weight
    assert model.model.language_model.layers[0].mlp.up_proj.weight.data_ptr() == own.data_ptr()
    assert model.model.language_model.config._attn_implementation == "eager"
    assert not model.training and all(parameter.requires_grad for parameter in model.parameters())


def test_a_tower_of_another_dtype_is_cast_and_its_encoder_is_not():
    encoder, _ = tiny_mmclip("clip")
    language, tokenizer = tiny_llm("qwen3")
    half = type(language)._from_config(language.config, dtype=torch.bfloat16)
    model, _ = assemble(encoder, half, tokenizer=tokenizer)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert encoder.dtype == torch.float32
    assert model.model.language_model.rotary_emb.inv_freq.dtype == torch.float32


def test_the_image_token_takes_a_free_row_or_a_new_one_and_is_never_said():
    for llm, grows in (("qwen2", False), ("mistral", True)):
        model, processor = tiny_lmm("clip", llm)
        language, _ = tiny_llm(llm)
        rows = model.get_input_embeddings().weight.shape[0]
        assert (rows > language.config.vocab_size) == grows
        assert rows == model.lm_head.weight.shape[0] == model.config.text_config.vocab_size
        assert model.config.image_token_index < rows
        with torch.no_grad():
            model.lm_head.weight[model.config.image_token_index] = 100 * model.lm_head.weight.abs().sum(0)
        said = model.generate(**a_question(processor), max_new_tokens=5)[:, -5:]
        assert model.config.image_token_index not in said


def test_pictures_are_padded_to_a_square_as_the_encoder_saw_them():
    for tower in BACKBONES:
        _, processor = tiny_lmm(tower)
        _, encoder_processor = tiny_mmclip(tower)
        for size in ((90, 30), (30, 90), (64, 64)):
            image = Image.new("RGB", size, "white")
            image.paste("red", (0, 0, 4, 4))
            pixels = processor.image_processor(image, return_tensors="pt")["pixel_values"]
            torch.testing.assert_close(pixels, encoder_processor(images=[image])["pixel_values"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("tower", "strategy"), [("clip", "default"), ("altclip", "default"), ("siglip", "full")])
def test_a_picture_has_as_many_tokens_as_the_tower_has_patches(tower, strategy):
    model, processor = tiny_lmm(tower)
    inputs = a_question(processor)
    assert (inputs["input_ids"] == model.config.image_token_index).sum() == model.config.image_seq_length == 16
    assert model.config.vision_feature_select_strategy == processor.vision_feature_select_strategy == strategy
    assert model.config.vision_feature_layer == -2


def test_the_seed_makes_the_projector():
    first, again = tiny_lmm()[0], tiny_lmm()[0]
    encoder, _ = tiny_mmclip()
    language, tokenizer = tiny_llm("qwen2")
    other, _ = assemble(encoder, language, tokenizer=tokenizer, seed=1)
    weight = "model.multi_modal_projector.linear_1.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])


def test_the_pipeline_of_transformers_takes_the_folder(tmp_path):
    encoder, _ = tiny_mmclip()
    language, tokenizer = tiny_llm("llama")
    model, processor = assemble(encoder, language, tmp_path, tokenizer=tokenizer)
    image = noise_image(3, (50, 20))
    messages = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": "Is AB 5?"}]}]
    pipe = pipeline("image-text-to-text", model=str(tmp_path), device="cpu")
    said = pipe(text=messages, max_new_tokens=6, return_full_text=False)[0]["generated_text"]
    tokens = model.generate(**a_question(processor, image=image), max_new_tokens=6)[0, -6:]
    assert said == processor.decode(tokens, skip_special_tokens=True)
    assert type(AutoProcessor.from_pretrained(tmp_path)) is LlavaProcessor


def test_generation_is_greedy_and_ends_with_the_turn_whatever_the_llm_did(tmp_path):
    language, tokenizer = tiny_llm("qwen2")
    language.generation_config.update(
        do_sample=True, temperature=0.7, repetition_penalty=1.05, eos_token_id=tokenizer.pad_token_id
    )
    model, _ = assemble(tiny_mmclip()[0], language, tmp_path, tokenizer=tokenizer)
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    assert set(saved["eos_token_id"]) == {tokenizer.pad_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
    assert not saved.keys() & {"temperature", "repetition_penalty"} and not saved.get("do_sample")
    assert saved["suppress_tokens"] == [model.config.image_token_index]


def test_a_failed_check_is_one_sentence():
    model, _ = tiny_lmm()
    pixels, ids = torch.randn(1, 3, 32, 32), torch.arange(5, 12)[None]
    features = tiny_mmclip()[0].backbone.vision_model(pixels, output_hidden_states=True).hidden_states[-2]
    check_features(model, pixels, features)
    text = tiny_llm("qwen2")[0](ids).logits
    check_text_logits(model, ids, text)
    with torch.no_grad():
        model.model.vision_tower.embeddings.position_embedding.weight[0, 0] += 1e-3
        model.model.language_model.norm.weight[0] *= 1.01
    with pytest.raises(ValueError, match="The assembled model is wrong: its tower's features are not the dual"):
        check_features(model, pixels, features)
    with pytest.raises(ValueError, match="its logits for a text are not the language model's"):
        check_text_logits(model, ids, text)


def test_patches_that_do_not_fill_the_picture_are_said(caplog):
    config = tiny_backbone("clip")[0].config.to_dict()
    config["vision_config"]["image_size"] = 36
    language, tokenizer = tiny_llm("qwen2")
    with caplog.at_level(logging.WARNING):
        model, processor = assemble(CLIPModel(CLIPConfig(**config)), language, tokenizer=tokenizer)
    assert "the last 4 pixels of each row and column are not seen" in caplog.text
    assert model.config.image_seq_length == 16
    assert logits(model, a_question(processor)).isfinite().all()


def lora(folder):
    get_peft_model(tiny_llm("qwen2")[0], LoraConfig(target_modules=["q_proj"])).save_pretrained(folder)


def llm_without_a_shard(folder):
    save_llm(folder, "qwen2", max_shard_size=30_000)
    next(folder.glob("model-00002*")).unlink()


def llm_cut_short(folder):
    save_llm(folder, "qwen2")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def llm_without_tokenizer(folder):
    tiny_llm("qwen2")[0].save_pretrained(folder)


def llm_with_a_foreign_tokenizer(folder):
    tiny_llm("qwen2")[0].save_pretrained(folder)
    word_tokenizer(["Is AB parallel to CD?"]).save_pretrained(folder)


def llm_lacking_a_weight(folder):
    save_llm(folder, "qwen2")
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def quantised(folder):
    save_llm(folder, "qwen2")
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))


def encoder_instead(folder):
    save_backbone("clip", folder)


def no_model(folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("x")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: None, "There is no folder .*llm; pass the folder of a causal language model"),
        (lora, "is a LoRA adapter, not a causal language model; merge it"),
        (llm_without_a_shard, "lacks model-00002-of-.*, which its index names"),
        (llm_cut_short, "model.safetensors is broken"),
        (llm_without_tokenizer, "has no tokenizer that can be loaded; pass one as `tokenizer`"),
        (llm_with_a_foreign_tokenizer, "as a Qwen2Tokenizer, which makes 'IABCD' of"),
        (llm_lacking_a_weight, "lacks weights: model.layers.1.mlp.up_proj.weight"),
        (quantised, "is quantised; assemble with the full weights"),
        (encoder_instead, "is a CLIPModel; the language model must be one of LlamaForCausalLM"),
        (no_model, "has no config.json, so it is not a causal language model; it holds notes.txt"),
    ],
)
def test_a_bad_language_model_is_refused_in_one_sentence(tmp_path, make, sentence):
    make(tmp_path / "llm")
    with pytest.raises(ValueError, match=sentence):
        assemble(tiny_mmclip()[0], str(tmp_path / "llm"), tmp_path / "lmm")


def test_other_bad_parts_are_refused_in_one_sentence(tmp_path):
    encoder, _ = tiny_mmclip()
    language, tokenizer = tiny_llm("qwen2")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    naflex = Siglip2Model(Siglip2Config(vision_config=sizes, text_config={**sizes, "vocab_size": 300}))
    with pytest.raises(ValueError, match="NaFlex takes patches of pictures of any shape, which LLaVA cannot feed it"):
        assemble(naflex, language, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="cannot wrap a model of type 'qwen2'"):
        assemble(language, language, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="There is no folder .*; pass the folder of an MMCLIP, CLIP"):
        assemble(tmp_path / "none", language, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="Pass `tokenizer` together with a language model in memory"):
        assemble(encoder, language)
    with pytest.raises(ValueError, match="was cast after loading, which rounded the frequencies"):
        assemble(encoder, tiny_llm("qwen2")[0].to(torch.bfloat16), tokenizer=tokenizer)
    with pytest.raises(ValueError, match="has an adapter on it: call its merge_and_unload"):
        assemble(encoder, get_peft_model(tiny_llm("qwen2")[0], LoraConfig(target_modules=["q_proj"])))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already holds notes.txt; name another folder, or empty it"):
        assemble(encoder, language, tmp_path / "full", tokenizer=tokenizer)
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"


def test_the_command_joins_two_folders_and_importing_the_package_stays_light(tmp_path):
    save_backbone("siglip", tmp_path / "encoder")
    save_llm(tmp_path / "llm", "qwen2")
    assemble_command(
        ["--mmclip", str(tmp_path / "encoder"), "--llm", str(tmp_path / "llm"), "--output_dir", str(tmp_path / "lmm")]
    )
    assert (tmp_path / "lmm" / "config.json").exists()
    script = "import sys, mmgeolm; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
