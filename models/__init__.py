"""Model builders: options in, an uncompiled functional `keras.Model` with float32 logits out.

`build("resnet20", (32, 32, 3), 10)` and `resnet20((32, 32, 3), 10)` are the same; `names()` lists what there is.
"""

from hornbook.models.airbench import airbench, airbench94, airbench95
from hornbook.models.cnn import cnn, plain20, plain56, vgg11, vgg16
from hornbook.models.cnn1d import cnn1d
from hornbook.models.fcn import fcn
from hornbook.models.inception1d import h_inception1d, inception1d
from hornbook.models.layers.attention import MultiHeadAttention, RotaryAttention, attention_scores
from hornbook.models.layers.batch_normalization import BatchNormalization
from hornbook.models.layers.block_stack import BlockStack
from hornbook.models.layers.group_normalization import GroupNormalization
from hornbook.models.layers.layer_normalization import LayerNormalization
from hornbook.models.layers.members import mean_of_members
from hornbook.models.layers.patch_whitening import WHITENING, adapt_patch_whitening
from hornbook.models.layers.recurrent_cells import LayerNormGRUCell, LayerNormLSTMCell
from hornbook.models.layers.recurrent_layers import BatchNormGRU, BatchNormLSTM
from hornbook.models.layers.scalar_affine import ScalarAffine
from hornbook.models.layers.weight_normalization import (
    WEIGHT_NORMALIZATIONS,
    SpectralConv1D,
    SpectralConv2D,
    SpectralDense,
    StandardizedConv1D,
    StandardizedConv2D,
    StandardizedDense,
)
from hornbook.models.libraries.pretrained import PREFIXES, backbones, pretrained
from hornbook.models.lite import lite
from hornbook.models.mlp import mlp
from hornbook.models.parts.activations import ACTIVATIONS
from hornbook.models.parts.initializers import INITIALIZERS
from hornbook.models.parts.normalization import NORMALIZATIONS
from hornbook.models.parts.stacking import stacked, unstacked
from hornbook.models.parts.swap import swap_normalization
from hornbook.models.registry import build, check, choices, family, names, options, options_with_choices
from hornbook.models.resnet import (
    fixup_resnet20,
    fixup_resnet110,
    preactivation_resnet110,
    preactivation_resnet164,
    preactivation_resnet1001,
    resnet,
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet44,
    resnet50,
    resnet56,
    resnet101,
    resnet110,
    resnet152,
    wide_resnet16_4,
    wide_resnet28_10,
    wide_resnet40_4,
)
from hornbook.models.resnet1d import resnet1d
from hornbook.models.rnn import bidirectional_gru, bidirectional_lstm, gru, layer_norm_gru, layer_norm_lstm, lstm, rnn, simple_rnn
from hornbook.models.tabm import tabm
from hornbook.models.transformer import series_transformer, text_transformer
from hornbook.models.vision_transformer import vision_transformer, vit_b16, vit_s16, vit_ti16

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "NORMALIZATIONS",
    "PREFIXES",
    "WEIGHT_NORMALIZATIONS",
    "WHITENING",
    "BatchNormGRU",
    "BatchNormLSTM",
    "BatchNormalization",
    "BlockStack",
    "GroupNormalization",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "LayerNormalization",
    "MultiHeadAttention",
    "RotaryAttention",
    "ScalarAffine",
    "SpectralConv1D",
    "SpectralConv2D",
    "SpectralDense",
    "StandardizedConv1D",
    "StandardizedConv2D",
    "StandardizedDense",
    "adapt_patch_whitening",
    "airbench",
    "airbench94",
    "airbench95",
    "attention_scores",
    "backbones",
    "bidirectional_gru",
    "bidirectional_lstm",
    "build",
    "check",
    "choices",
    "cnn",
    "cnn1d",
    "family",
    "fcn",
    "fixup_resnet20",
    "fixup_resnet110",
    "gru",
    "h_inception1d",
    "inception1d",
    "layer_norm_gru",
    "layer_norm_lstm",
    "lite",
    "lstm",
    "mean_of_members",
    "mlp",
    "names",
    "options",
    "options_with_choices",
    "plain20",
    "plain56",
    "preactivation_resnet110",
    "preactivation_resnet164",
    "preactivation_resnet1001",
    "pretrained",
    "resnet",
    "resnet1d",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet110",
    "resnet152",
    "rnn",
    "series_transformer",
    "simple_rnn",
    "stacked",
    "swap_normalization",
    "tabm",
    "text_transformer",
    "unstacked",
    "vgg11",
    "vgg16",
    "vision_transformer",
    "vit_b16",
    "vit_s16",
    "vit_ti16",
    "wide_resnet16_4",
    "wide_resnet28_10",
    "wide_resnet40_4",
]
