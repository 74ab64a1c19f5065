#!/usr/bin/env bash
# The OpenMMLab toolboxes, into the environment whose `python` comes first in PATH; both `make setup` and Snakemake's
# conda deployment run this after the pins of openmmlab.yaml.
#
# They are installed without their dependencies, which openmmlab.yaml pins: MMEngine asks for opencv-python, which needs
# libGL, and few compute nodes have that; opencv-python-headless does the same work. mmcv is compiled here, once: its wheel
# fits one version of Python and torch, so it is kept in the user's cache under these. CUDA operators are built where a GPU
# is visible, or anywhere with FORCE_CUDA=1 (a login node; TORCH_CUDA_ARCH_LIST then says for which GPUs), if nvcc is there.
set -euo pipefail

MMCV=2.1.0
install="python -m pip install --quiet --no-deps"

torch=$(python -c 'import torch; print(torch.__version__)')
kind=cpu
if [ "${FORCE_CUDA:-0}" = 1 ] || python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    kind=cuda
    if ! python -c 'import sys; from torch.utils.cpp_extension import CUDA_HOME; sys.exit(CUDA_HOME is None)'; then
        echo "openmmlab: CUDA operators need nvcc, which is not in PATH; load the CUDA toolkit's module first, or" \
            "hide the GPUs (CUDA_VISIBLE_DEVICES= and no FORCE_CUDA) to train on the CPU alone" >&2
        exit 1
    fi
fi
gpus=${TORCH_CUDA_ARCH_LIST:-}
wheels="${XDG_CACHE_HOME:-$HOME/.cache}/transferscope/mmcv-$MMCV-torch-$torch-$kind${gpus:+-${gpus//[^0-9.+A-Z]/_}}"
python_tag=$(python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')

if ! compgen -G "$wheels/mmcv-$MMCV-$python_tag-*.whl" > /dev/null; then
    echo "openmmlab: compiling mmcv $MMCV for torch $torch with $kind operators, once; this takes minutes" >&2
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    python -m pip download --quiet --no-deps --no-build-isolation --no-binary mmcv --dest "$build" "mmcv==$MMCV"
    tar -xzf "$build/mmcv-$MMCV.tar.gz" -C "$build"
    cd "$build/mmcv-$MMCV"
    export MMCV_WITH_OPS=1 MAX_JOBS="${MAX_JOBS:-$(nproc)}" CFLAGS="-O2 -g0 -DNDEBUG"
    # Nearly all the time of a file goes into torch's headers, so they are compiled once. Where the flags turn out to be
    # others than those of the build, the compiler passes over the result: the build is slower and the same.
    includes=$(python -c 'from torch.utils.cpp_extension import include_paths; print(*("-I" + p for p in include_paths()))')
    ${CXX:-c++} $CFLAGS -fPIC -std=c++17 $includes -x c++-header mmcv/ops/csrc/common/pytorch_cpp_helper.hpp
    python setup.py bdist_wheel --dist-dir "$wheels.part" 2>&1 | tee "$build/log" |
        sed -un 's|^\[\([0-9]*/[0-9]*\)\] .*|openmmlab: compiled \1|p' >&2 || { tail -n 40 "$build/log" >&2; exit 1; }
    cd - > /dev/null
    mkdir -p "$wheels"
    mv "$wheels.part"/*.whl "$wheels"
    rmdir "$wheels.part"
fi
$install "$wheels"/mmcv-$MMCV-$python_tag-*.whl mmengine==0.10.7 mmdet==3.3.0 mmsegmentation==1.2.2
