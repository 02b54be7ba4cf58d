#!/usr/bin/env bash
# The whole of MMGeoLM on one node with GPUs: data, encoder, alignment, SFT, benchmarks. Start it again after any stop:
# stages that are done are left alone, a stage that was stopped goes on from its last checkpoint.
#
#   TEXT_NEGATIVES=… IMAGE_NEGATIVES=… OWN_PROBLEMS=… examples/runs/reproduce_mmgeolm.sh
#
#   RECIPE           mmgeolm-qwen2.5-7b (default) or mmgeolm-mammoth2-7b
#   STAGES           some of "data mmclip align sft" (default: all)
#   NUM_GPUS         processes to start (default: as many as nvidia-smi lists)
#   TEXT_NEGATIVES   100K MAVIS captions with retrieved and rule negatives, which the authors have not released;
#                    docs/negatives.md makes them (`mmgeolm negatives retrieval`, `rules`, `merge`)
#   IMAGE_NEGATIVES  MM-Math-Align, or what `mmgeolm negatives code` writes
#   OWN_PROBLEMS     17K exam problems with \boxed answers, which the authors have not released either: any Instructions,
#                    or `mm_math_instruction:`, whose problems must then be left out of the MM-Math you test on
#
# What it takes is reckoned from the sizes of the model and the data, NOT MEASURED (nobody has run this script whole):
#   mmclip   1 GPU of 24 GB or more; hours
#   align    the language model in bf16 (15 GB) and 24 x 0.7K tokens: 1 GPU of 80 GB; 8 GPUs: an hour or two
#   sft      16 bytes for each of 7.6 billion weights, 120 GB, over the GPUs by ZeRO-2, 15 GB of weights on each:
#            8 GPUs of 80 GB; 7e19 operations in all, so of the order of a day. On fewer GPUs take
#            SFT=sft-lora: about 40 GB on one GPU, several days
#   disk     about 250 GB: data, a checkpoint with optimizer states, the models of the stages
set -euo pipefail
cd "$(dirname "$0")/../.."

RECIPE=${RECIPE:-mmgeolm-qwen2.5-7b}
STAGES=${STAGES:-data mmclip align sft}
SFT=${SFT:-sft}
NUM_GPUS=${NUM_GPUS:-$({ nvidia-smi --list-gpus 2>/dev/null || true; } | wc -l)}
RECIPES=examples/recipes/$RECIPE
CONFIGS=examples/accelerate_configs
RUNS=runs/$RECIPE

die() { echo "reproduce_mmgeolm.sh: $*" >&2; exit 1; }
wanted() { [[ " $STAGES " == *" $1 "* ]]; }
finished() { [[ -e $1/config.json || -e $1/adapter_config.json ]]; }

[[ -d $RECIPES ]] || die "there is no recipe $RECIPES; set RECIPE to a folder of examples/recipes."
[[ -f $RECIPES/$SFT.yaml ]] || die "there is no $RECIPES/$SFT.yaml; set SFT to sft or sft-lora."
for stage in $STAGES; do
  case $stage in data | mmclip | align | sft) ;; *) die "there is no stage $stage; STAGES are data mmclip align sft." ;; esac
done

# A data set is written once, as a folder that all processes map into memory; it appears when it is whole.
prepare() {  # name, kind of records, where from
  [[ -d data/$1 ]] && return
  rm -rf "data/.$1"
  python - "$2" "$3" "data/.$1" <<'PYTHON'
import sys

kind, path, folder = sys.argv[1:]
if kind == "mavis_captions":
    from dataset_builders.sources.mavis import mavis_caption

    records = mavis_caption(path)[0]
elif kind == "hard_negatives":
    from dataset_builders.sources.authors_json import load_hard_negatives

    records = load_hard_negatives(path)
else:
    from mmgeolm.sft_options import load_instructions

    records = load_instructions(path)
records.save_to_disk(folder)
PYTHON
  mv "data/.$1" "data/$1"
}

train() {  # verb, recipe, accelerate configuration, output folder
  if finished "$4"; then echo "== $4 is there =="; return; fi
  ((NUM_GPUS > 0)) || die "no GPU is to be seen; set NUM_GPUS."
  local launch=(accelerate launch --config_file "$CONFIGS/$3" --num_processes "$NUM_GPUS" -m)
  ((NUM_GPUS > 1)) || launch=(python -m)
  "${launch[@]}" mmgeolm "$1" --config "$2" "${@:5}"
}

if wanted data; then
  mkdir -p data
  prepare mavis_captions mavis_captions "${MAVIS_CAPTIONS:-CaraJ/MAVIS-Geometry}"
  prepare text_negatives hard_negatives "${TEXT_NEGATIVES:?name the captions with text negatives; see the head of this script}"
  prepare image_negatives hard_negatives "${IMAGE_NEGATIVES:?name the captions with image negatives; see the head of this script}"
  prepare geo170k_alignment instructions "gllava_alignment:${GEO170K:-}"
  prepare geo170k_instruction instructions "gllava_instruction:${GEO170K:-}"
  prepare mavis_instruction instructions "mavis_instruction:${MAVIS_INSTRUCTION:-}"
  prepare own_problems instructions "${OWN_PROBLEMS:?name the exam problems; see the head of this script}"
fi

if wanted mmclip; then
  resume=()
  compgen -G "runs/mmclip/checkpoint-*/trainer_state.json" >/dev/null && resume=(--resume_from_checkpoint "$(
    ls -d runs/mmclip/checkpoint-*/ | sort -V | tail -n 1
  )")
  train mmclip "$RECIPES/mmclip.yaml" multi_gpu.yaml runs/mmclip "${resume[@]}"
fi

# Their recipes go on by themselves where there is a checkpoint.
if wanted align; then train align "$RECIPES/align.yaml" multi_gpu.yaml "$RUNS/align"; fi

if wanted sft; then
  if [[ $SFT == sft ]]; then
    train sft "$RECIPES/sft.yaml" deepspeed_zero2.yaml "$RUNS/sft"
  else
    train sft "$RECIPES/$SFT.yaml" multi_gpu.yaml "$RUNS/$SFT"
    finished "$RUNS/sft" || mmgeolm merge "$RUNS/$SFT" --output_dir "$RUNS/sft"
  fi
  echo "== $RUNS/sft is ready: mmgeolm ask $RUNS/sft figure.png \"Is AB parallel to CD?\"; benchmarks: docs/evaluation.md =="
fi
