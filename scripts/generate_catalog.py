"""Write the catalogue: Keras's objects to `src/nnlab/catalog/keras.json`, nnlab's own to `nnlab.json` beside it.

Names, parameters, defaults and descriptions are read off the installed Keras. What a signature does not tell
(accepted types, limits, choices, pages on keras.io) stands in the tables below.

nnlab's own objects are those that a module of `nnlab.layers` registers with Keras for the package "nnlab". Their
annotations tell what they accept (`Annotated[int, Ge(1)]`, `Literal["fan_in", "fan_out"]`), and the first link of the
docstring is their page. `src/nnlab/layers/__init__.py`, which exports them, is written too.

With `--check` nothing is written; the exit status is 1 if a file is not what would be written.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

# TensorFlow reads this once, when Keras imports it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
np: Any = importlib.import_module("numpy")
keras: Any = importlib.import_module("keras")
layers: Any = importlib.import_module("nnlab.layers")
activation_layers: Any = importlib.import_module("nnlab.layers.activation_layers")

Json: TypeAlias = dict[str, object]

SOURCE = Path(__file__).resolve().parent.parent / "src" / "nnlab"
KERAS_FILE = SOURCE / "catalog" / "keras.json"
NNLAB_FILE = SOURCE / "catalog" / "nnlab.json"
EXPORTS_FILE = SOURCE / "layers" / "__init__.py"
SITE = "https://keras.io/api/"

KINDS = (
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Kinds whose canonical names are Keras's snake_case identifiers of the classes.
SNAKE_CASE_KINDS = {"initializers", "losses", "metrics"}

# Base classes, and what cannot be described by plain values in a configuration file.
EXCLUDED = word_set(
    """
    Callback CallbackList MonitorCallback
    Constraint Initializer Layer Loss LossScaleOptimizer Mean MeanMetricWrapper Metric MultiOptimizer
    Optimizer OptimizerMap Regularizer Sum Wrapper
    FlaxLayer InputLayer InputSpec JaxLayer Lambda Pipeline TFSMLayer TorchModuleWrapper
    deserialize get serialize
    glu Equalization
    """
)
# `glu` halves the columns and Keras's layers do not know it; a model cannot contain `Equalization` (Keras 3.15).

# Layers pass **kwargs on to the base class; these are the base's useful parameters.
LAYER_PARAMETERS: Json = {"name": None, "trainable": True, "dtype": None}

# Used where the object's own documentation says nothing.
FALLBACK_DESCRIPTIONS = {
    "data_format": 'Either `"channels_last"` or `"channels_first"`.',
    "ignore_class": "The ID of a class to be ignored.",
    "mask_value": "Timesteps whose values all equal this one are skipped.",
    "seed": "Integer random seed.",
    "value_range": "The range of values the incoming images will have.",
}

# "accuracy" is no class: compile() replaces it by one of three (`get_metric` in trainers/compile_utils.py).
ACCURACY: Json = {
    "aliases": ["Accuracy", "acc"],
    "object": "Accuracy",
    "summary": "Calculates how often predictions equal labels: Keras chooses binary, categorical or sparse "
    "categorical accuracy from the loss and the output shape.",
    "url": f"{SITE}metrics/accuracy_metrics/",
    "takes": ["any", "ranking"],
    "parameters": {},
    "direction": "max",
    "value_range": [0, 1],
}

# When to use which optimizer, in place of Keras's summaries, which repeat the name.
OPTIMIZER_USES = {
    "Adadelta": "Adagrad with a memory that fades, and steps scaled by past steps; give it a `learning_rate` of 1.",
    "Adafactor": "Adam that keeps rows and columns instead of every second moment: for models that fill the memory.",
    "Adagrad": "Ever smaller steps, smallest for weights with large gradients: for sparse inputs and convex problems.",
    "Adam": "Momentum, with steps scaled for each weight: works almost everywhere without tuning; begin with it.",
    "AdamW": "Adam with weight decay that is no part of the gradient: better than L2 with it; usual for transformers.",
    "Adamax": "Adam scaled by the largest recent gradient: calmer where gradients are now and then very large.",
    "Ftrl": "Follow the regularized leader: for wide linear models on sparse inputs, whose weights L1 sets to 0.",
    "Lamb": "Adam with steps in proportion to each layer's weights: for batches of thousands of rows.",
    "Lion": "Steps of one size, by the sign of the momentum alone: less memory than Adam; divide its rate by about 5.",
    "Muon": "Momentum made orthogonal, for the matrices of hidden layers, and AdamW for all other weights.",
    "Nadam": "Adam that looks ahead as Nesterov's momentum does: often a little faster than Adam.",
    "RMSprop": "Steps scaled by recent gradients: Adam without momentum; still usual for recurrent networks.",
    "SGD": "Gradient descent, with momentum if given: slow at first, often the best in the end once tuned.",
    "ScheduleFreeAdamW": "AdamW on averaged weights in place of a schedule; Keras 3.15's is not quite the paper's.",
}

# What does the work of a callback in a config, where nnlab has a way of its own: such a callback is refused.
CALLBACKS_INSTEAD = {
    "BackupAndRestore": "leave it out: `nnlab resume` carries searches and comparisons on",
    "CSVLogger": "leave it out: each run keeps its `history.csv`",
    "EarlyStopping": "write `training: {early_stopping: {patience: 10}}`",
    "History": "leave it out: each run keeps its `history.csv`",
    "LambdaCallback": "write a class of your own: `callbacks: [my_code.py:MyCallback]`",
    "LearningRateScheduler": "write `schedule: my_code.py:name`, a function of the epoch",
    "ModelCheckpoint": "leave it out: each run keeps its model, that of the best epoch with `early_stopping`",
    "OrbaxCheckpoint": "leave it out: each run keeps its model, that of the best epoch with `early_stopping`",
    "ProgbarLogger": "leave it out: `nnlab train` shows how it goes on",
    "ReduceLROnPlateau": "write `schedule: {performance: {factor: 0.1, patience: 10}}`",
    "TensorBoard": "write `training: {tensorboard: {histogram_freq: 1}}`",
    "TerminateOnNaN": "leave it out: a training whose loss is no number any more is stopped",
}

# Where the search for a learning rate begins, where Keras's default is far from what is of use. nnlab's own say so in
# an attribute `first_rate`; all others are tried about their default.
FIRST_RATES = {
    "SGD": 0.1, "Adagrad": 0.03, "Adadelta": 1.0, "Ftrl": 0.1, "Adamax": 0.003, "Lion": 0.0003,
}  # fmt: skip

# Optimizers whose momentum makes steps 1 / (1 - momentum) times as long.
LENGTHENED_BY_MOMENTUM = {"SGD"}

# Optimizers under names of their own: Keras's class, the parameters that differ, and when to use it.
OPTIMIZER_FORMS = {
    "momentum": ("SGD", {"momentum": 0.9}, "`SGD` with a momentum of 0.9: up to ten times as fast as without."),
    "nesterov": (
        "SGD",
        {"momentum": 0.9, "nesterov": True},
        "`SGD` with Nesterov's momentum of 0.9: the gradient is taken a little ahead; mostly better than `momentum`.",
    ),
}

# --------------------------------------------------------------------------------------------------
# What parameters accept: types (`list[int]`: a list of such items), then limits for numbers, those in lists too
# ("0..1", ">=1", ">0", "<=0", "<1"), then [choices].
# "null" is added by itself where the default is None. A parameter in no table gets the type of its default.

RULES = {
    "bool": "flash_attention",
    "bool|str [auto true false]": "use_cudnn",
    "dict": "renorm_clipping",
    "float": "adam_lr_ratio b default_value fill_value logit_soft_cap lora_alpha max_freq max_value threshold",
    "float 0..1": "dropout ema_momentum label_smoothing precision rate recall recurrent_dropout rho sensitivity "
    "specificity",
    "float <=0": "learning_rate_power",
    "float >0": "clipnorm clipvalue delta global_clipnorm loss_scale_factor sampling_rate",
    "float >=0": "epsilon epsilon_1 epsilon_2 gamma initial_accumulator_value l1_regularization_strength "
    "l2_regularization_strength l2_shrinkage_regularization_strength learning_rate",
    "float >=0 <1": "adam_beta_1 adam_beta_2 beta_1 beta_2",
    "float|list[float|list]": "mean variance",
    "float|list[float]": "brightness_factor contrast_factor factor height_factor hue_factor saturation_factor sigma "
    "width_factor x_factor y_factor",
    "float|list[float] 0..1": "thresholds",
    "float|null": "adam_weight_decay rms_rate top_db weight_decay",
    "float|null >=0": "l1 l2",
    "int": "class_id gptq_unpacked_column_size ignore_class lora_rank max_number num_labels",
    "int <=9223372036854775807": "seed",
    "int >=0": "num_oov_indices num_regressors warmup_steps",
    "int >=1": "depth_multiplier ema_overwrite_frequency fft_length filters frame_length frame_step groups head_dim "
    "height input_dim k key_dim n num_bins num_classes num_heads num_key_value_heads num_mel_bins num_query_heads "
    "num_thresholds num_tokens output_dim output_sequence_length power_iterations sequence_length sliding_window "
    "top_k units value_dim width",
    "int >=2": "gradient_accumulation_steps max_tokens",
    "int|list[int|list] >=0": "cropping",
    "int|list[int|null]": "output_shape",
    "int|list[int|null] >=1": "output_size",
    "int|list[int]": "attention_axes axes axis salt shared_axes",
    "int|list[int] >=0": "output_padding",
    "int|list[int] >=1": "dilation_rate kernel_size ngrams pool_size size strides",
    "list": "weights",
    "list[float]": "bin_boundaries idf_weights value_range",
    "list[float] >=0": "label_weights",
    "list[int|null]": "noise_shape",
    "list[int|str]|str": "vocabulary",
    "list[int]": "input_axes output_axes",
    "list[int] >=-1": "target_shape",
    "list[int] >=0": "target_class_ids",
    "list[int] >=1": "dims tile_grid_size",
    "list[str]": "exclude_layers",
    "str": "bias_axes equation reverse_dtype",
    "str [channels_last channels_first]": "data_format",
    "str|list[float]|null": "window",
    "str|null": "name",
    "str|null [density spectrum]": "scaling",
    "str|null [float16 bfloat16 float32 float64 mixed_float16 mixed_bfloat16]": "dtype",
    "str|null [sum_over_batch_size sum mean mean_with_sample_weight none]": "reduction",
}

RULES_BY_NAME = {name: rule for rule, names in RULES.items() for name in names.split()}

# Layers may compute with whole numbers, too.
LAYER_RULES = {
    "dtype": "str|null [float16 bfloat16 float32 float64 mixed_float16 mixed_bfloat16 "
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string]",
}

CONVOLUTION = "Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D"
DEPTHWISE = "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D"
POOLING = "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D"
WARPING = "RandomRotation RandomShear RandomTranslation RandomZoom"

# (kind, objects, parameter, rule): where one name means different things.
SPECIAL_RULES = (
    ("activations", "log_softmax softmax sparsemax", "axis", "int"),
    ("initializers", "Constant", "value", "float|list[float|list]"),
    ("initializers", "RandomNormal TruncatedNormal", "mean", "float"),
    ("initializers", "VarianceScaling", "distribution", "str [truncated_normal untruncated_normal uniform]"),
    ("initializers", "VarianceScaling", "mode", "str [fan_in fan_out fan_avg]"),
    ("initializers", "VarianceScaling", "scale", "float >0"),
    ("initializers", "STFT", "side", "str [real imag]"),
    ("layers", "Attention", "score_mode", "str [dot concat]"),
    ("layers", "BatchNormalization Concatenate RMSNormalization", "axis", "int"),
    ("layers", "BatchNormalization", "momentum", "float 0..1"),
    ("layers", "Bidirectional", "merge_mode", "str|null [concat sum mul ave]"),
    ("layers", "CategoryEncoding", "output_mode", "str [multi_hot one_hot count]"),
    ("layers", "Conv1D", "padding", "str [valid same causal]"),
    ("layers", f"{CONVOLUTION} {DEPTHWISE} {POOLING} STFTSpectrogram", "padding", "str [valid same]"),
    ("layers", "Discretization", "num_bins", "int >=0"),
    ("layers", "Discretization Hashing", "output_mode", "str [int one_hot multi_hot count]"),
    ("layers", "GaussianNoise", "stddev", "float 0..1"),
    ("layers", "GroupNormalization", "groups", "int >=-1"),
    ("layers", "HashedCrossing", "output_mode", "str [int one_hot]"),
    ("layers", "Hashing", "mask_value", "int|str"),
    (
        "layers",
        "IntegerLookup StringLookup TextVectorization",
        "output_mode",
        "str [int one_hot multi_hot count tf_idf]",
    ),
    ("layers", "IntegerLookup", "mask_token", "int"),
    ("layers", "IntegerLookup", "oov_token", "int"),
    ("layers", "IntegerLookup", "oov_method", "str [floormod farmhash]"),
    ("layers", "IntegerLookup", "vocabulary_dtype", "str [int64]"),
    ("layers", "LeakyReLU ReLU", "negative_slope", "float >=0"),
    ("layers", "Normalization", "axis", "int|list[int]|null"),
    ("layers", "RandomElasticTransform", "fill_mode", "str [reflect constant nearest wrap mirror]"),
    ("layers", "RandomElasticTransform RandomErasing", "scale", "float|list[float]"),
    ("layers", f"{WARPING} RandomElasticTransform", "interpolation", "str [bilinear nearest]"),
    ("layers", "AugMix RandAugment RandomPerspective", "interpolation", "str [bilinear nearest]"),
    ("layers", "RandomFlip", "mode", "str [horizontal_and_vertical horizontal vertical]"),
    ("layers", "RandomGrayscale", "factor", "float 0..1"),
    ("layers", "RandomPosterization", "factor", "int|list[int] 1..8"),
    ("layers", "RandomPerspective", "scale", "float 0..1"),
    ("layers", WARPING, "fill_mode", "str [reflect constant nearest wrap]"),
    ("layers", "ReLU", "max_value", "float >=0"),
    ("layers", "ReLU", "threshold", "float >=0"),
    ("layers", "Rescaling", "offset", "float|list[float]"),
    ("layers", "Rescaling", "scale", "float|list[float]"),
    ("layers", "STFTSpectrogram", "mode", "str [log magnitude psd real imag angle stft]"),
    ("layers", "Resizing", "fill_mode", "str [constant]"),
    (
        "layers",
        "Resizing UpSampling2D",
        "interpolation",
        "str [bilinear nearest bicubic lanczos3 lanczos5 area]",
    ),
    ("layers", "Solarization", "addition_factor", "float|list[float] 0..1"),
    ("layers", "Solarization", "threshold_factor", "float|list[float] 0..1"),
    ("layers", "StringLookup", "mask_token", "str"),
    ("layers", "StringLookup", "oov_token", "str|null"),
    ("layers", "TextVectorization", "split", "str|null [whitespace character]"),
    (
        "layers",
        "TextVectorization",
        "standardize",
        "str|null [lower_and_strip_punctuation lower strip_punctuation]",
    ),
    ("layers", "UpSampling1D", "size", "int >=1"),
    ("layers", "ZeroPadding1D ZeroPadding2D ZeroPadding3D", "padding", "int|list[int|list] >=0"),
    ("losses", "CategoricalFocalCrossentropy", "alpha", "float|list[float]"),
    ("losses", "CategoricalGeneralizedCrossEntropy", "q", "float >0 <1"),
    ("metrics", "AUC", "curve", "str [ROC PR PRGAIN]"),
    ("metrics", "AUC", "num_thresholds", "int >=2"),
    ("metrics", "AUC", "summation_method", "str [interpolation minoring majoring]"),
    ("metrics", "AUC", "thresholds", "list[float] 0..1"),
    ("metrics", "F1Score FBetaScore", "average", "str|null [micro macro weighted]"),
    ("metrics", "F1Score FBetaScore", "threshold", "float >0 <=1"),
    ("metrics", "FBetaScore", "beta", "float >0"),
    (
        "metrics",
        "R2Score",
        "class_aggregation",
        "str|null [uniform_average variance_weighted_average]",
    ),
    ("optimizers", "AdamW", "weight_decay", "float"),
    ("optimizers", "Lion", "beta_1", "float >0 <=1"),
    ("optimizers", "Muon RMSprop SGD", "momentum", "float 0..1"),
    ("regularizers", "OrthogonalRegularizer", "factor", "float >=0"),
    ("regularizers", "OrthogonalRegularizer", "mode", "str [rows columns]"),
)

# The least and the largest value of losses and metrics; those in no row have no end that always holds.
ERRORS = "CategoricalHinge Hinge MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError SquaredHinge"
CROSSENTROPIES = "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy"
FOCAL = "BinaryFocalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy"
ACCURACIES = "BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy"
TOP_ACCURACIES = "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy"
RATES = "Precision PrecisionAtRecall Recall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity"
COUNTS = "FalseNegatives FalsePositives TrueNegatives TruePositives"
VALUE_RANGES = (
    ("losses", f"{ERRORS} MeanSquaredLogarithmicError {CROSSENTROPIES} {FOCAL} CTC Circle Huber LogCosh", (0, None)),
    ("losses", "CosineSimilarity", (-1, 1)),
    ("metrics", f"{ERRORS} MeanSquaredLogarithmicError {CROSSENTROPIES} LogCoshError {COUNTS}", (0, None)),
    ("metrics", "RootMeanSquaredError", (0, None)),
    ("metrics", f"{ACCURACIES} {TOP_ACCURACIES} {RATES} AUC F1Score FBetaScore", (0, 1)),
    ("metrics", "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU", (0, 1)),
    ("metrics", "ConcordanceCorrelation CosineSimilarity PearsonCorrelation", (-1, 1)),
    ("metrics", "R2Score", (None, 1)),
)
VALUE_RANGES_BY_OBJECT = {(kind, name): ends for kind, names, ends in VALUE_RANGES for name in names.split()}

# Stand-ins for what a metric must be given, to make one and ask it which values are better.
STAND_INS = {"num_classes": 2, "target_class_ids": [0]}

# What losses and metrics compare: (kind, what they want of the targets, what they want of the predictions, objects).
# Targets: `values` of any kind, `nonnegative` or `nonzero` ones, `labels` (each 0 or 1), `rows` (of 0 and 1, a column a
# class), `classes` (their numbers), `any`, `sequences`. Predictions: `numbers`, `positive` ones, `probabilities` (each
# between 0 and 1), a `distribution` (a row adds up to 1), `scores` (0 between the classes), a `ranking` (only the order
# within a row counts), `embeddings`, `sequences`. nnlab's own say so in an attribute `takes`; an object that nobody
# described is taken to compare anything with numbers.
TAKES = (
    ("losses", "values", "numbers", "CosineSimilarity Huber LogCosh MeanAbsoluteError MeanSquaredError"),
    ("losses", "nonzero", "numbers", "MeanAbsolutePercentageError"),
    ("losses", "nonnegative", "numbers", "MeanSquaredLogarithmicError"),
    ("losses", "nonnegative", "positive", "Poisson"),
    ("losses", "labels", "probabilities", "BinaryCrossentropy BinaryFocalCrossentropy Dice Tversky"),
    ("losses", "labels", "scores", "Hinge SquaredHinge"),
    ("losses", "rows", "distribution", "CategoricalCrossentropy CategoricalFocalCrossentropy KLDivergence"),
    ("losses", "rows", "scores", "CategoricalHinge"),
    ("losses", "classes", "distribution", "CategoricalGeneralizedCrossEntropy SparseCategoricalCrossentropy"),
    ("losses", "classes", "embeddings", "Circle"),
    ("losses", "sequences", "sequences", "CTC"),
    (
        "metrics",
        "values",
        "numbers",
        "ConcordanceCorrelation CosineSimilarity LogCoshError MeanAbsoluteError MeanSquaredError PearsonCorrelation "
        "R2Score RootMeanSquaredError",
    ),
    ("metrics", "nonzero", "numbers", "MeanAbsolutePercentageError"),
    ("metrics", "nonnegative", "numbers", "MeanSquaredLogarithmicError"),
    ("metrics", "nonnegative", "positive", "Poisson"),
    (
        "metrics",
        "labels",
        "probabilities",
        "AUC BinaryAccuracy BinaryCrossentropy BinaryIoU F1Score FBetaScore FalseNegatives FalsePositives Precision "
        "PrecisionAtRecall Recall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity TrueNegatives "
        "TruePositives",
    ),
    ("metrics", "labels", "scores", "Hinge SquaredHinge"),
    ("metrics", "rows", "distribution", "CategoricalCrossentropy KLDivergence"),
    ("metrics", "rows", "scores", "CategoricalHinge"),
    ("metrics", "rows", "ranking", "CategoricalAccuracy OneHotIoU OneHotMeanIoU TopKCategoricalAccuracy"),
    ("metrics", "classes", "distribution", "SparseCategoricalCrossentropy"),
    ("metrics", "classes", "ranking", "IoU MeanIoU SparseCategoricalAccuracy SparseTopKCategoricalAccuracy"),
)

TAKES_BY_DEFAULT = ["any", "numbers"]

TAKES_BY_OBJECT = {
    (kind, name): [targets, predictions] for kind, targets, predictions, names in TAKES for name in names.split()
}

# What layers need to be tried out, where they must be given something.
TRIAL_PARAMETERS: Json = {"dims": (1,), "n": 2, "pool_size": 2, "rate": 0.5, "stddev": 0.5, "target_shape": (-1,)}

RULES_BY_OBJECT = {
    (kind, name, parameter): rule for kind, names, parameter, rule in SPECIAL_RULES for name in names.split()
}

TYPES = ("int", "float", "bool", "str", "list", "dict", "null")
# Longer signs first: they are tried in turn.
LIMITS = {">=": "minimum", "<=": "maximum", ">": "exclusive_minimum", "<": "exclusive_maximum"}

REFERENCES = {"layer": "layers", "backward_layer": "layers", "cell": "layers", "cells": "layers"}
REFERENCE_ENDINGS = {
    "activation": "activations",
    "constraint": "constraints",
    "initializer": "initializers",
    "regularizer": "regularizers",
}

# --------------------------------------------------------------------------------------------------
# Where keras.io documents what. Layers and optimizers have pages of their own, named after the class in snake_case
# unless they stand here; an empty page means that of the folder.

PAGES = {
    "AdamW": "adamw",
    "AutoContrast": "auto_constrast",  # the misspelling is keras.io's
    "ContrastLimitedAdaptiveHistogramEqualization": "",
    "GroupedQueryAttention": "group_query_attention",
    "LeakyReLU": "leaky_relu",
    "Nadam": "Nadam",
    "PReLU": "prelu",
    "RMSprop": "rmsprop",
    "ReLU": "relu",
    "ReversibleEmbedding": "embedding/#reversibleembedding-class",
    "ScheduleFreeAdamW": "",
    "StackedRNNCells": "stacked_rnn_cell",
}

# The folders of layers are called as Keras's packages, such as `pooling_layers`, but for some packages and some layers.
PACKAGE_FOLDERS = {
    "activations": "activation_layers",
    "convolutional": "convolution_layers",
    "preprocessing.image_preprocessing": "preprocessing_layers/image_augmentation",
    "rnn": "recurrent_layers",
}
LAYER_FOLDERS = {
    "core_layers": "Activation",
    "preprocessing_layers/audio_preprocessing": "MelSpectrogram STFTSpectrogram",
    "preprocessing_layers/categorical": "CategoryEncoding HashedCrossing Hashing IntegerLookup StringLookup",
    "preprocessing_layers/image_preprocessing": "AutoContrast CenterCrop Rescaling Resizing",
    "preprocessing_layers/numerical": "Discretization Normalization SpectralNormalization",
    "preprocessing_layers/text": "TextVectorization",
}
FOLDERS_BY_LAYER = {name: folder for folder, names in LAYER_FOLDERS.items() for name in names.split()}

# The objects of the other kinds share pages and have anchors there: losses by these tables, metrics by their module.
LOSS_PAGES = {
    "hinge_losses": "CategoricalGeneralizedCrossEntropy CategoricalHinge Circle Hinge SquaredHinge",
    "probabilistic_losses": "BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy "
    "CategoricalFocalCrossentropy KLDivergence Poisson SparseCategoricalCrossentropy",
    "regression_losses": "CosineSimilarity Dice Huber LogCosh MeanAbsoluteError "
    "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Tversky",
}
PAGES_BY_LOSS = {name: page for page, names in LOSS_PAGES.items() for name in names.split()}
METRIC_PAGES = {
    "confusion_metrics": "classification_metrics",
    "correlation_metrics": "classification_metrics",
    "f_score_metrics": "classification_metrics",
    "iou_metrics": "segmentation_metrics",
}


def snake_case(name: str) -> str:
    """Return a class's snake_case identifier, as Keras builds it."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def own_page(kind: str, target: Any) -> str:
    """Return the page of a layer or an optimizer."""
    name, folder = target.__name__, kind
    if kind == "layers":
        package = target.__module__.removeprefix("keras.src.layers.").rpartition(".")[0]
        folder = FOLDERS_BY_LAYER.get(name) or PACKAGE_FOLDERS.get(package, f"{package}_layers")
        name = name.replace("Conv", "Convolution") if folder == "convolution_layers" else name
        folder = f"layers/{folder}"
    page = PAGES.get(target.__name__, snake_case(name))
    path = f"{folder}/{page}" if page else folder
    return path if "#" in path else f"{path}/"


def documentation_url(kind: str, target: Any) -> str | None:
    """Return the address of an object's documentation: on keras.io, or the paper that its docstring names first."""
    if is_own(target):
        link = re.search(r"\]\((https://[^)]+)\)", target.__doc__ or "")
        return link[1] if link else None
    name = target.__name__
    anchor = f"#{name.lower()}-{'class' if inspect.isclass(target) else 'function'}"
    if kind in ("callbacks", "layers", "optimizers"):
        return SITE + own_page(kind, target)
    if kind in ("losses", "metrics"):
        module = target.__module__.rpartition(".")[2]
        page = PAGES_BY_LOSS.get(name) if kind == "losses" else METRIC_PAGES.get(module, module)
        return f"{SITE}{kind}/" + (f"{page}/{anchor}" if page else "")
    return f"{SITE}layers/{kind}/" + (anchor if name != "STFT" else "")  # it is missing from the page


# --------------------------------------------------------------------------------------------------
# nnlab's own objects

OWN_MODULES = "nnlab.layers."

BASES = {
    "callbacks": keras.callbacks.Callback,
    "constraints": keras.constraints.Constraint,
    "initializers": keras.initializers.Initializer,
    "layers": keras.layers.Layer,
    "losses": keras.losses.Loss,
    "metrics": keras.metrics.Metric,
    "models": keras.Model,
    "optimizers": keras.optimizers.Optimizer,
    "regularizers": keras.regularizers.Regularizer,
}

TYPE_NAMES = {bool: "bool", int: "int", float: "float", str: "str", tuple: "list", list: "list", dict: "dict"}

# the classes of annotated_types, in lower case
LIMIT_NOTES = {"ge": "minimum", "le": "maximum", "gt": "exclusive_minimum", "lt": "exclusive_maximum"}

EXPORTS_HEAD = '''"""nnlab's own Keras objects; importing this package lets Keras load models that hold them.

Written by `scripts/generate_catalog.py`, like the catalog: run it after adding an object.
"""
# ruff: noqa: I001  (in the order of Python)

'''


def is_own(target: Any) -> bool:
    """Tell whether an object is nnlab's own."""
    return str(target.__module__).startswith(OWN_MODULES)


def own_objects() -> list[Any]:
    """Return everything that the modules of `nnlab.layers` register with Keras, sorted by module and name."""
    for module in pkgutil.iter_modules(layers.__path__):
        importlib.import_module(OWN_MODULES + module.name)
    found = [target for target in keras.saving.get_custom_objects().values() if is_own(target)]
    return sorted(found, key=lambda target: (target.__module__, target.__name__))


def own_targets(kind: str) -> list[Any]:
    """Return nnlab's objects of a kind."""
    if kind == "activations":
        return [target for target in own_objects() if inspect.isfunction(target)]
    classes = [target for target in own_objects() if inspect.isclass(target) and issubclass(target, BASES[kind])]
    classes = [target for target in classes if not getattr(target, "stands_in", False)]
    return [target for target in classes if kind != "layers" or not issubclass(target, keras.Model)]


def annotations_of(target: Any) -> dict[str, Any]:
    """Return the annotations of the parameters of an object of nnlab's own; Keras's say too little."""
    function = target.__init__ if inspect.isclass(target) else target
    return get_type_hints(function, include_extras=True) if is_own(function) else {}


def annotated_values(annotation: Any) -> Json:
    """Return what an annotation accepts: types, limits and choices."""
    entry: Json = {}
    names: set[str] = set()
    for member in get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,):
        plain_type, *notes = get_args(member) if get_origin(member) is Annotated else (member,)
        for note in notes:
            if isinstance(note, tuple):
                entry["choices"] = list(note)
                continue
            if note == "file":
                entry["file_in"] = "config"
                continue
            sign = type(note).__name__.lower()
            entry[LIMIT_NOTES[sign]] = getattr(note, sign)
        if get_origin(plain_type) is Literal:
            entry["choices"] = list(get_args(plain_type))
            names |= {TYPE_NAMES[type(choice)] for choice in get_args(plain_type)}
        else:
            names.add("null" if plain_type is type(None) else TYPE_NAMES[get_origin(plain_type) or plain_type])
        if get_origin(plain_type) in (list, tuple):
            items = {TYPE_NAMES[item] for item in get_args(plain_type) if item is not ...}
            entry["items"] = [name for name in TYPES if name in items]
    return {"types": [name for name in TYPES if name in names], **entry}


def exports() -> str:
    """Return the text of `nnlab.layers`, which exports nnlab's objects."""
    names = [(target.__module__, target.__name__) for target in own_objects()]
    return EXPORTS_HEAD + "".join(f"from {module} import {name} as {name}\n" for module, name in names)


# --------------------------------------------------------------------------------------------------
# Docstrings

ABBREVIATIONS = ("e.g.", "i.e.", "ie.", "a.k.a.", "etc.", "vs.", "al.")

# A description made of nothing but these says no more than "types" does.
TYPE_WORDS = word_set(
    """
    bool boolean callable default defaults dict dictionary float floating floats int integer integers ints
    list none number numbers optional scalar str string strings tensor tuple tuples
    """
)
FILLER_WORDS = word_set(
    """
    a actual an and arguments between constant false in instance keras length no of or point positive python
    range returns single small takes that the to true two use value values
    """
)


def plain(text: str) -> str:
    """Put a docstring fragment on one line, without link targets and RST roles."""
    text = re.sub(r"\[([^\]]+)\]\(\s*https?:[^)]*\)", r"\1", text)
    text = re.sub(r"\(([^)]+)\)\[https?:[^\]]*\]", r"\1", text)
    text = re.sub(r":\w+:`", "`", text).replace("``", "`")
    # Placeholders that Keras replaces in most docstrings, and forgets in some.
    text = re.sub(r"\{\{\w+\}\}", "", text)
    return " ".join(text.split())


def sentences(text: str) -> Iterator[str]:
    """Split a line of text into sentences, minding code, brackets and abbreviations."""
    start = depth = 0
    code = False
    for position, character in enumerate(text):
        if character == "`":
            code = not code
        elif code:
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "." and depth <= 0 and text[position + 1 : position + 2] in ("", " "):
            sentence = text[start : position + 1].strip()
            following = text[position + 2 :]
            goes_on = following[:1].islower() and not following.startswith(("e.g.", "i.e."))
            if not sentence.endswith(ABBREVIATIONS) and not goes_on:
                yield sentence
                start = position + 1
    if text[start:].strip():
        yield text[start:].strip()


def only_types(text: str) -> bool:
    """Tell whether a fragment names types and nothing else."""
    if re.fullmatch(r"(an? )?`(bool|float|int|str)`", text, re.IGNORECASE):
        return True
    words = {word.lower() for word in re.findall(r"\b[A-Za-z]+", re.sub(r"`[^`]*`", "", text))}
    return bool(words & TYPE_WORDS) and words <= TYPE_WORDS | FILLER_WORDS


def finish(sentence: str) -> str:
    """Give a sentence its capital letter and its full stop."""
    sentence = sentence.rstrip(" :;,.")
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def first_statement(text: str) -> str:
    """Return the first sentence of a parameter's description that says more than its type."""
    # What follows the introduction of a list is not needed.
    found = list(sentences(plain(re.split(r"\n\s*[-*] |\n\s*\n|\n\s*\d\. ", text)[0])))
    while len(found) > 1 and only_types(found[0]):
        del found[0]
    if not found:
        return ""
    sentence = re.sub(r"^\(?optional\)?[.,:]? ", "", found[0], flags=re.IGNORECASE)
    head, comma, rest = sentence.partition(", ")
    while comma and only_types(head) and head.count("`") % 2 == 0 and not rest.startswith(("or ", "and ")):
        sentence = rest
        head, comma, rest = sentence.partition(", ")
    return finish(sentence)


def summary(target: Any) -> str:
    """Return the first sentence of an object's docstring."""
    return finish(next(sentences(plain((inspect.getdoc(target) or "").split("\n\n")[0])), ""))


def argument_section(docstring: str) -> list[str]:
    """Return the lines of a docstring's `Args:` section."""
    lines = inspect.cleandoc(docstring).splitlines()
    for number, line in enumerate(lines):
        if line.strip() in ("Args:", "Arguments:"):
            indent = len(line) - len(line.lstrip())
            section = []
            for following in lines[number + 1 :]:
                if following.strip() and len(following) - len(following.lstrip()) <= indent:
                    break
                section.append(following)
            return section
    return []


def argument_descriptions(docstring: str, names: list[str]) -> dict[str, str]:
    """Return the descriptions, by parameter, in a docstring's `Args:` section."""
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    indent = None
    for line in argument_section(docstring):
        entry = re.match(r"(\s*)`?([*\w]+)`?\s*:\s?(.*)", line)
        indent = entry[1] if entry and indent is None else indent
        # Keras indents some entries too far, and describes some parameters that the signature lacks.
        if entry and entry[2] not in texts and (entry[2] in names or entry[1] == indent):
            current = texts[entry[2]] = [entry[3]]
        else:
            current.append(line)
    return {name: first_statement("\n".join(texts[name])) for name in names if name in texts}


def descriptions(kind: str, target: Any, names: list[str]) -> dict[str, str]:
    """Return the descriptions of the parameters, the object's own before those of its bases."""
    owners = [*inspect.getmro(target)] if inspect.isclass(target) else [target]
    if kind == "optimizers":
        # The base class describes none of its parameters, every other optimizer all of them.
        owners.append(keras.optimizers.SGD)
    found: dict[str, str] = {}
    for owner in owners:
        if owner.__module__.startswith(("keras.", OWN_MODULES)) and owner.__doc__:
            found = argument_descriptions(owner.__doc__, names) | found
    return {name: FALLBACK_DESCRIPTIONS[name] for name in names if name in FALLBACK_DESCRIPTIONS} | found


# --------------------------------------------------------------------------------------------------
# Parameters


def plain_default(value: object) -> tuple[object, bool]:
    """Return a default as JSON has it, and whether it could be represented."""
    if value is None or isinstance(value, bool | int | float | str):
        return value, True
    if isinstance(value, tuple | list):
        items = [plain_default(item) for item in value]
        return [item for item, _ in items], all(known for _, known in items)
    return None, False


def constraints_of(rule: str, default: object) -> Json:
    """Turn a rule into the entry's types, limits and choices."""
    words, _, choices = rule.partition(" [")
    types, *limits = words.split()
    items = re.search(r"list\[(.*)\]", types)
    types = re.sub(r"list\[.*\]", "list", types)
    accepted = set(types.split("|")) | ({"null"} if default is None else set())
    entry: Json = {"types": [name for name in TYPES if name in accepted]}
    if items is not None:
        entry["items"] = [name for name in TYPES if name in items[1].split("|")]
    for limit in limits:
        if ".." in limit:
            entry["minimum"], entry["maximum"] = (json.loads(bound) for bound in limit.split(".."))
        else:
            sign = next(sign for sign in LIMITS if limit.startswith(sign))
            entry[LIMITS[sign]] = json.loads(limit.removeprefix(sign))
    if choices:
        words_to_values = {"true": True, "false": False}
        entry["choices"] = [words_to_values.get(word, word) for word in choices.rstrip("]").split()]
    return entry


def referenced_kind(name: str) -> str | None:
    """Return the kind of object that a parameter names, if it names one."""
    return REFERENCES.get(name) or REFERENCE_ENDINGS.get(name.rpartition("_")[2])


def accepted_values(kind: str, target: Any, name: str, default: object) -> Json:
    """Return what a parameter accepts: another kind of object, or types with limits and choices."""
    reference = referenced_kind(name)
    if reference:
        return {"kind": reference, "types": ["list"]} if name == "cells" else {"kind": reference}
    annotation = annotations_of(target).get(name)
    if annotation not in (None, Any):
        return annotated_values(annotation)
    rule = RULES_BY_OBJECT.get((kind, target.__name__, name), LAYER_RULES.get(name) if kind == "layers" else None)
    if rule is None:
        rule = RULES_BY_NAME.get(name) or TYPE_NAMES.get(type(default), "")
    return constraints_of(rule, default) if rule else {}


def defaults(kind: str, target: Any) -> dict[str, object]:
    """Return the parameters' defaults, in the order of the signature."""
    signature = list(inspect.signature(target).parameters.values())
    if kind == "activations":
        del signature[0]
    named = [item for item in signature if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)]
    found: dict[str, object] = {item.name: item.default for item in named}
    if kind == "layers" and any(item.kind is item.VAR_KEYWORD for item in signature):
        found |= {name: value for name, value in LAYER_PARAMETERS.items() if name not in found}
    return found


TOLD_BY_DATA = "input_dim"
"""What a layer that looks vectors up cannot do without, and a column of text or of an embedding tells."""


def parameters(kind: str, target: Any) -> Json:
    """Describe an object's parameters."""
    found = defaults(kind, target)
    texts = descriptions(kind, target, list(found))
    entries: Json = {}
    for name, default in found.items():
        entry = accepted_values(kind, target, name, default)
        text = texts.get(name, "")
        if default is not inspect.Parameter.empty:
            entry["default"], known = plain_default(default)
            if not known:
                text = f"{text} Defaults to `{default!r}`, which has no plain form.".strip()
        elif kind == "layers" and name == TOLD_BY_DATA:
            entry["types"], entry["default"] = ["int", "null"], None
            text = f"{text} Told by the column that feeds the layer if left out."
        entry["description"] = text
        entries[name] = entry
    return entries


# --------------------------------------------------------------------------------------------------
# What objects make of values, found out by trying them

SMALL, LARGE, TOLERANCE = 1e2, 1e3, 1e-2
LARGE_SIDE = 100


def reach(function: Any) -> Json:
    """Return between which numbers an activation's values lie, and whether a row of them adds up to 1."""
    low, high, adds_up = [], [], True
    for size in (SMALL, LARGE):
        grid = np.concatenate([np.linspace(-size, size, 2001), np.linspace(-9, 9, 2001), np.linspace(-1, 1, 201)])
        rows = np.stack([grid, grid[::-1], np.roll(grid, 7)], axis=-1).astype(np.float32)
        with np.errstate(over="ignore"):
            values = np.asarray(function(rows), np.float64)
        low.append(float(values.min()))
        high.append(float(values.max()))
        adds_up = adds_up and np.allclose(values.sum(axis=-1), 1.0, atol=1e-4) and values.min() >= 0
    range_: Json = {"range": [bound(low), bound(high)]}
    return {**range_, "adds_up_to_1": True} if adds_up else range_


def bound(found: list[float]) -> float | None:
    """Return a bound that does not move with the size of what comes in; `None` if there is none."""
    small, large = found
    return round(large, 2) + 0.0 if np.isfinite(large) and abs(large - small) <= TOLERANCE else None


def required_of(target: Any) -> list[str]:
    """Return the names of the parameters without a default."""
    items = inspect.signature(target).parameters.values()
    return [
        item.name
        for item in items
        if item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]


def values_kept(target: Any) -> Json:
    """Return whether what a layer without weights gives lies within what it gets, and rows that add up to 1 still do.

    Outside of training: then dropout and noise change nothing.
    """
    given = {name: TRIAL_PARAMETERS[name] for name in required_of(target) if name in TRIAL_PARAMETERS}
    rng = np.random.default_rng(0)
    for shape in ((8, 4), (8, 6, 4), (8, 6, 6, 4), (8, 6, 6, 6, 4)):
        for several in (False, True):
            try:
                results = [tried(target(**given), rng.uniform(*ends, shape), several) for ends in ((2, 3), (-5, -4))]
                rows = rng.dirichlet(np.ones(4), shape[:-1])
                sums = tried(target(**given), rows, several).sum(axis=-1)
            except Exception:
                continue
            (above, below) = results
            if above.min() < 2 or above.max() > 3 or below.min() < -5 or below.max() > -4:
                return {}
            kept: Json = {"keeps": "rows" if np.allclose(sums, 1) else "values"}
            return kept | ({"moves": True} if not several and only_moves(target(**given), shape) else {})
    return {}


def only_moves(layer: Any, shape: tuple[int, ...]) -> bool:
    """Tell whether a layer gives the very numbers that it gets, all of them and no others, in training, too."""
    if "seed" in inspect.signature(type(layer)).parameters:
        return False
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    return all(
        np.array_equal(np.unique(tried(layer, values, False, training=training)), np.unique(values))
        for training in (False, True)
    )


def tried(layer: Any, values: Any, several: bool, *, training: bool = False) -> Any:
    """Return what a layer gives for values, or for two arrays of them."""
    x = keras.ops.convert_to_tensor(values.astype(np.float32))
    mode = {"training": training} if "training" in inspect.signature(layer.call).parameters else {}
    result = layer([x, x[::-1]] if several else x, **mode)
    if layer.weights:
        raise ValueError("the layer has weights")
    return np.asarray(keras.ops.convert_to_numpy(result))


def is_activation(target: Any) -> bool:
    """Tell whether a layer is an activation function with parameters."""
    own = issubclass(target, activation_layers.ActivationLayer)
    return own or (
        target.__module__.startswith("keras.src.layers.activations") and target is not keras.layers.Activation
    )


def role_of(target: Any) -> Json:
    """Return what a layer is for, as far as something hangs on it: as it says itself, or as its nearest base is for."""
    for base in inspect.getmro(target):
        if role := vars(base).get("role"):
            return {"role": role}
        if base.__module__.startswith("keras.src.layers.normalization"):
            return {"role": "normalization"}
        if (
            base.__module__.startswith("keras.src.layers.regularization")
            and "seed" in inspect.signature(base).parameters
        ):
            return {"role": "dropout"}
        if base is keras.layers.Normalization:
            return {"role": "scaling"}
        if is_activation(base) or base is keras.layers.Activation:
            return {"role": "activation"}
    return {}


def one_more(number: object) -> object:
    """Return a number, or each of a tuple, increased by 1; `None` if it is none."""
    if isinstance(number, tuple):
        more = tuple(one_more(item) for item in number)
        return None if None in more else more
    return number + 1 if type(number) is int else None


class Sizes:
    """A layer whose sizes are prime numbers, which are found again in its weights and in the shape of what it gives.

    Args:
        target: the layer's class.
    """

    WIDTH, STEPS, KERNEL, PRIMES = 7, 6, 5, (11, 13, 17, 19, 23, 29, 31)

    def __init__(self, target: Any) -> None:
        self.target = target
        self.signature = inspect.signature(target).parameters
        self.known: dict[str, tuple[Any, tuple[int, ...]] | None] = {}
        required = required_of(target)
        sizes = [name for name in required if accepted_values("layers", target, name, None).get("minimum") == 1]
        self.primes = dict(zip((name for name in sizes if name != "kernel_size"), self.PRIMES, strict=False))
        self.given = {name: TRIAL_PARAMETERS[name] for name in required if name in TRIAL_PARAMETERS} | self.primes
        if "kernel_size" in required:
            self.given["kernel_size"] = self.KERNEL
        if "padding" in self.signature and self.signature["padding"].default == "valid":
            self.given["padding"] = "same"

    def found(self) -> Json:
        """Return the formulas of the weights' sizes and the rule for the shape, as far as they can be told."""
        tried = [(axes, False) for axes in range(4) if self.made(axes, False)]
        tried = tried or [(axes, True) for axes in range(4) if self.made(axes, True)]
        if not tried:
            return {}
        weights = self.formulas(*tried[0])
        rules = [self.rules(axes, several) for axes, several in tried]
        common = [rule for rule in rules[0] if all(rule in others for others in rules)]
        common = common if common and self.is_settled(*tried[-1]) else []
        return {**({"weights": weights} if weights else {}), **({"shape": common[0]} if common else {})}

    def made(self, axes: int, several: bool = False, **more: object) -> tuple[Any, tuple[int, ...]] | None:
        """Return the layer behind one input or two with so many axes of steps, and the shape of what it gives."""
        key = f"{axes} {several} {more}"
        if key not in self.known:
            x = keras.KerasTensor((2, *(self.STEPS,) * axes, self.WIDTH))
            try:
                layer = self.target(**{**self.given, **more})
                required = [name for name in required_of(layer.call) if several]
                result = layer(x, x) if len(required) > 1 else layer([x, x] if several else x)
                self.known[key] = layer, tuple(result.shape)
            except Exception:
                self.known[key] = None
        return self.known[key]

    def is_settled(self, axes: int, several: bool) -> bool:
        """Tell whether the shape is the same whatever numbers are given, besides those that the rules know of."""
        made = self.made(axes, several)
        for name, item in self.signature.items():
            if name in ("output_mode", "output_shape"):  # the shape is given, mostly with what there is no trying
                return False
            more = None if name in ("axis", "strides", "kernel_size") else one_more(item.default)
            other = None if more is None else self.made(axes, several, **{name: more})
            if made is not None and other is not None and other[1] != made[1]:
                return False
        return True

    def rules(self, axes: int, several: bool) -> list[str]:
        """Return every rule that the shape fits; strides shorten a convolution's steps."""
        made = self.made(axes, several)
        shape = None if made is None else made[1]
        steps, width = (2, *(self.STEPS,) * axes), self.WIDTH
        fitting = {"same": (*steps, width), "flat": (2, self.STEPS**axes * width), "sum": (*steps, 2 * width)}
        for name, prime in self.primes.items():
            fitting |= {f"last {name}": (*steps, prime), f"added {name}": (*steps, width, prime)}
            fitting |= {f"only {name}": (2, prime)}
        if "strides" in self.signature:
            longer = self.made(axes, several, strides=2)
            if longer is None or longer[1][1:-1] != (self.STEPS // 2,) * axes:
                return []
        return [rule for rule, expected in fitting.items() if expected == shape]

    def formulas(self, axes: int, several: bool) -> list[str]:
        """Return the size of every weight as a product, such as `4*width*units`; one that a switch adds has it, too."""
        primes, free = dict(self.primes), iter(self.PRIMES[len(self.primes) :])
        plain = self.sizes(axes, several)
        for name, item in self.signature.items():
            if plain and type(item.default) is int and item.default >= 1:
                prime = next(free)
                if self.sizes(axes, several, **{name: prime}) not in ([], plain):
                    primes[name] = prime
        given: dict[str, object] = {name: prime for name, prime in primes.items() if name not in self.primes}
        sizes = self.sizes(axes, several, **given)
        factors = {"width": self.WIDTH, "kernel_size": self.KERNEL, **primes}
        products = [self.product(size, factors) for size in sizes]
        if not any(products):
            return []
        tagged: set[int] = set()
        for name in (name for name, item in self.signature.items() if item.default is True):
            gone = Counter(sizes) - Counter(self.sizes(axes, several, **given, **{name: False}))
            for i, size in enumerate(sizes):
                if gone[size] and products[i] and i not in tagged:
                    products[i] += f"*{name}"
                    tagged.add(i)
                    gone[size] -= 1
        return [product for product in products if product]

    def sizes(self, axes: int, several: bool, **more: object) -> list[int]:
        """Return how many numbers each weight has."""
        made = self.made(axes, several, **more)
        return [] if made is None else [int(np.prod(weight.shape)) for weight in made[0].weights]

    @staticmethod
    def product(size: int, factors: Mapping[str, int]) -> str:
        """Write a size as a product; empty if it is none of what is known."""
        names = []
        for name, factor in factors.items():
            times = 0
            while size % factor == 0:
                size, times = size // factor, times + 1
            names += [f"{name}^{times}"] if name == "kernel_size" and times else [name] * times
        return "*".join([str(size)] * (size > 1) + names) if names and size in (1, 2, 3, 4, 6, 8) else ""


def reach_of_layer(target: Any) -> Json:
    """Return the reach of an activation that is a layer; what it learns may change it."""
    layer = target()
    layer.build((None, 3))
    return {} if layer.trainable_weights else reach(layer)


def values_beside(target: Any, preset: Mapping[str, object]) -> Json:
    """Return how many numbers an optimizer keeps for each weight of a large matrix."""
    weight = keras.Variable(np.zeros((LARGE_SIDE, LARGE_SIDE), np.float32))
    try:
        optimizer = target(**preset)
    except TypeError:  # it must be given something
        return {"slots": 0}
    optimizer.build([weight])
    return {"slots": int(sum(np.prod(variable.shape) for variable in optimizer.variables) // LARGE_SIDE**2)}


def behaviour(kind: str, target: Any) -> Json:
    """Return what an object makes of values, and what it keeps of them, as far as something hangs on it."""
    if kind in ("losses", "metrics"):
        takes = getattr(target, "takes", None) if is_own(target) else TAKES_BY_OBJECT.get((kind, target.__name__))
        return {"takes": list(takes or TAKES_BY_DEFAULT)}
    if kind == "activations":
        return {} if len(required_of(target)) > 1 else reach(target)
    if kind == "layers":
        kept = reach_of_layer(target) if is_activation(target) else values_kept(target)
        return {**role_of(target), **kept, **Sizes(target).found()}
    name = target.__name__
    if kind == "callbacks":
        return {"instead": CALLBACKS_INSTEAD[name]} if name in CALLBACKS_INSTEAD else {}
    if kind != "optimizers":
        return {}
    first_rate = FIRST_RATES.get(name, getattr(target, "first_rate", None))
    return {
        **values_beside(target, {}),
        **({} if first_rate is None else {"first_rate": first_rate}),
        **({"lengthened_by_momentum": True} if name in LENGTHENED_BY_MOMENTUM else {}),
    }


# --------------------------------------------------------------------------------------------------
# Objects


def targets(kind: str) -> list[Any]:
    """Return Keras's classes (for activations, the functions) of a kind that belong in the catalogue."""
    wanted = inspect.isfunction if kind == "activations" else inspect.isclass
    members = {id(item): item for _, item in inspect.getmembers(getattr(keras, kind), wanted)}
    excluded = EXCLUDED | ({"Accuracy"} if kind == "metrics" else set())
    return [item for item in members.values() if item.__name__ not in excluded]


def canonical_name(kind: str, target: Any) -> str:
    """Return the name under which the catalogue lists an object."""
    name: str = target.__name__
    return snake_case(name) if kind in SNAKE_CASE_KINDS else name


def identifiers(kind: str) -> dict[str, Any]:
    """Return every string that Keras accepts for the objects of a kind."""
    registered = getattr(importlib.import_module(f"keras.src.{kind}"), "ALL_OBJECTS_DICT", {})
    return dict(inspect.getmembers(getattr(keras, kind))) | registered


def denotes(kind: str, target: Any, other: Any) -> bool:
    """Tell whether an identifier's object is the target or, for losses, the function behind it."""
    if other is target:
        return True
    return kind == "losses" and inspect.isfunction(other) and other.__name__ == canonical_name(kind, target)


def direction_of(kind: str, target: Any) -> str | None:
    """Return which values of a loss or metric are better, as the object itself says; `None` if it does not."""
    if kind == "losses":
        return "min"
    made = target(**{name: STAND_INS.get(name, 0.5) for name in required_of(target)})
    return {"up": "max", "down": "min", None: None}[getattr(made, "_direction", None)]


def judged(kind: str, target: Any) -> Json:
    """Describe how values of a loss or metric are judged: which are better, and between which ends they lie."""
    if kind not in ("losses", "metrics"):
        return {}
    ends = VALUE_RANGES_BY_OBJECT.get((kind, target.__name__), getattr(target, "value_range", (None, None)))
    return {"direction": direction_of(kind, target), "value_range": list(ends)}


def entry_of(kind: str, target: Any) -> Json:
    """Describe one object."""
    names: list[str] = [target.__name__, *vars(target).get("aliases", ())]
    members = {target.__name__: target}
    if not is_own(target):
        names += [name for name, other in identifiers(kind).items() if denotes(kind, target, other)]
        members = vars(getattr(keras, kind))
    return {
        "aliases": sorted(set(names) - {canonical_name(kind, target)}),
        "object": next(name for name in names if members.get(name) is target),
        "summary": OPTIMIZER_USES.get(target.__name__) or summary(target),
        "url": documentation_url(kind, target),
        **behaviour(kind, target),
        **judged(kind, target),
        "parameters": {} if target.__name__ in CALLBACKS_INSTEAD else parameters(kind, target),
    }


def optimizer_forms(optimizers: dict[str, Any]) -> Json:
    """Describe the optimizers that have names of their own, given the entries of Keras's classes."""
    forms: Json = {}
    for name, (target, preset, use) in OPTIMIZER_FORMS.items():
        entry = optimizers[target]
        described = {key: {**entry["parameters"][key], "default": value} for key, value in preset.items()}
        others = {key: value for key, value in entry["parameters"].items() if key not in preset}
        forms[name] = {
            **entry,
            **values_beside(getattr(keras.optimizers, target), preset),
            "aliases": [],
            "summary": use,
            "parameters": described | others,  # `momentum: 0.8` is a momentum, not a learning rate
            "preset": preset,
        }
    return forms


def generate() -> Json:
    """Return the catalogue as it follows from the installed Keras."""
    kinds: dict[str, Json] = {}
    for kind in KINDS:
        entries: Json = {canonical_name(kind, target): entry_of(kind, target) for target in targets(kind)}
        if kind == "metrics":
            entries["accuracy"] = dict(ACCURACY)
        if kind == "optimizers":
            entries |= optimizer_forms(entries)
        kinds[kind] = dict(sorted(entries.items()))
    return {"keras_version": keras.__version__, "kinds": kinds}


def generate_own() -> Json:
    """Return the catalogue of nnlab's own objects, and which of its metrics take the place of Keras's."""
    kinds = {
        kind: {canonical_name(kind, target): entry_of(kind, target) for target in own_targets(kind)}
        for kind in ("activations", *BASES)
    }
    stand_ins = {
        target.in_place_of: {"object": target.__name__, **getattr(target, "stands_in_where", {})}
        for target in own_objects()
        if hasattr(target, "in_place_of")
    }
    return {
        "stand_ins": dict(sorted(stand_ins.items())),
        "kinds": {kind: dict(sorted(entries.items())) for kind, entries in kinds.items()},
    }


def render(catalog: Json) -> str:
    """Return the text of a catalogue, a parameter a line. Parameters stay in the order of the signature."""

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def entry_text(name: str, entry: Any) -> str:
        facts = compact({key: value for key, value in entry.items() if key != "parameters"})
        items = ",\n".join(f"   {compact(key)}: {compact(value)}" for key, value in entry["parameters"].items())
        return f'  {compact(name)}: {facts[:-1]}, "parameters": {{{f"{chr(10)}{items}" if items else ""}}}}}'

    kinds = catalog["kinds"]
    assert isinstance(kinds, dict)
    texts = [
        f" {compact(kind)}: {{\n" + ",\n".join(entry_text(*item) for item in entries.items()) + "\n }"
        for kind, entries in kinds.items()
    ]
    head = "".join(f"{compact(key)}: {compact(value)},\n" for key, value in catalog.items() if key != "kinds")
    return f'{{{head}"kinds": {{\n' + ",\n".join(texts) + "\n}}\n"


def texts() -> dict[Path, str]:
    """Return the files as they should be."""
    return {EXPORTS_FILE: exports(), KERAS_FILE: render(generate()), NNLAB_FILE: render(generate_own())}


def flat(catalog: Any) -> dict[str, object]:
    """Return a catalogue's entries by `kind.name`, and its other values."""
    entries: dict[str, object] = {name: value for name, value in catalog.items() if name != "kinds"}
    for kind, members in catalog.get("kinds", {}).items():
        entries |= {f"{kind}.{name}": entry for name, entry in members.items()}
    return entries


def differences(old: str, new: str) -> list[str]:
    """Name the entries in which two texts of a catalogue differ."""
    if old == new:
        return []
    before, after = flat(json.loads(old or "{}")), flat(json.loads(new))
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return names or ["order or layout"]


def outdated(path: Path, text: str) -> list[str]:
    """Say in what a file is not as it should be."""
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    if path.suffix == ".json":
        return [f"{path.name} differs: {name}" for name in differences(written, text)]
    return [] if written == text else [f"{path} differs"]


def main() -> int:
    """Write the files, or with `--check` compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    check = parser.parse_args().check
    files = texts()
    if check:
        changed = [line for path, text in files.items() for line in outdated(path, text)]
        print("\n".join(changed) or "the catalogue is up to date")
        return 1 if changed else 0
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
