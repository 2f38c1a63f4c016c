"""What other libraries call things, and what says the same here: the one table of it.

The words are those of PyTorch, TensorFlow 1, Keras 2, scikit-learn, JAX (Flax, Optax), Ludwig and Hugging Face. Where
the other library's default is another one, what to write says so, or a note does: who follows a hint shall train the
same. Upper and lower case, `-` and `_` do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

from nnlab.catalog import Entry


class Meant(NamedTuple):
    """What a word of another library means here.

    Args:
        write: the name, or the name with parameters, as a config says it; `None` if nothing says the same.
        note: what else to know, or what to do instead.
    """

    write: Any
    note: str | None = None


_NO_INPUT = Meant(None, "leave it out: the data give the shape of the input")
_LOGITS = "end with no activation"
_TRUNCATED = "its normal distribution is cut off at two deviations, with the same variance"
_EVERY_STEP = "here the rate changes at every step, there once an epoch"
_OWN_FUNCTION = Meant(None, "a function of your own cannot be named yet: `nnlab list schedules` shows what there is")
_DECAY_RATE = "`decay_steps` is `decay_steps / decay_rate` of the other one"
_OF_THE_OPTIMIZER = "it belongs to the optimizer: `optimizer: {AdamW: {weight_decay: 0.01}}`"

NAMES: Mapping[str, Mapping[str, Meant]] = {
    "layers": {
        "Input InputLayer": _NO_INPUT,
        "Linear FullyConnected fc Affine": Meant("Dense"),
        "BatchNorm1d BatchNorm2d BatchNorm3d": Meant(
            {"BatchNormalization": {"momentum": 0.9, "epsilon": 1e-5}}, "PyTorch's `momentum: 0.1` is 0.9 here"
        ),
        "BatchNorm": Meant({"BatchNormalization": {"epsilon": 1e-5}}),
        "SyncBatchNormalization SyncBatchNorm": Meant({"BatchNormalization": {"synchronized": True}}),
        "LayerNorm": Meant({"LayerNormalization": {"epsilon": 1e-5}}),
        "GroupNorm": Meant({"GroupNormalization": {"groups": 32, "epsilon": 1e-5}}),
        "InstanceNorm1d InstanceNorm2d InstanceNorm3d": Meant({"GroupNormalization": {"groups": -1, "epsilon": 1e-5}}),
        "RMSNorm": Meant("RMSNormalization"),
        "Dropout1d": Meant({"SpatialDropout1D": {"rate": 0.5}}),
        "Dropout2d": Meant({"SpatialDropout2D": {"rate": 0.5}}),
        "Dropout3d": Meant({"SpatialDropout3D": {"rate": 0.5}}),
        "AdaptiveAvgPool1d": Meant({"AdaptiveAveragePooling1D": {"output_size": 1}}),
        "AdaptiveAvgPool2d": Meant({"AdaptiveAveragePooling2D": {"output_size": 1}}),
        "AdaptiveMaxPool2d": Meant({"AdaptiveMaxPooling2D": {"output_size": 1}}),
        "ConvTranspose1d": Meant({"Conv1DTranspose": {"filters": 32, "kernel_size": 3}}),
        "ConvTranspose2d Deconv2D Deconvolution2D": Meant({"Conv2DTranspose": {"filters": 32, "kernel_size": 3}}),
        "ConvTranspose3d": Meant({"Conv3DTranspose": {"filters": 32, "kernel_size": 3}}),
        "Upsample UpsamplingNearest2d": Meant("UpSampling2D"),
        "UpsamplingBilinear2d": Meant({"UpSampling2D": {"interpolation": "bilinear"}}),
        "ZeroPad2d": Meant("ZeroPadding2D"),
        "Unflatten View": Meant({"Reshape": {"target_shape": [28, 28, 1]}}),
        "Concat Cat Merge": Meant("Concatenate"),
        "RReLU": Meant("RandomizedLeakyReLU"),
        "ThresholdedReLU": Meant(
            {"Activation": {"activation": {"threshold": {"threshold": 1.0, "default_value": 0.0}}}}
        ),
        "CuDNNLSTM": Meant({"LSTM": {"units": 32}}),
        "CuDNNGRU": Meant({"GRU": {"units": 32}}),
        "Lambda": Meant(None, "a function of your own cannot be named: write the layer that does the same"),
    },
    "activations": {
        "identity id": Meant("linear"),
        "logistic": Meant("sigmoid"),
        "step unit_step binary_step hardlim threshold_step": Meant("heaviside"),
        "signum hardlims sgn": Meant("sign"),
        "rrelu": Meant("RandomizedLeakyReLU"),
        "lrelu": Meant({"leaky_relu": {"negative_slope": 0.01}}, "PyTorch's and JAX's slope is 0.01, Keras's 0.2"),
        "Hardswish": Meant("hard_silu"),
        "Hardsigmoid": Meant("hard_sigmoid"),
        "Hardtanh": Meant("hard_tanh"),
        "Hardshrink": Meant("hard_shrink"),
        "Softshrink": Meant("soft_shrink"),
        "Tanhshrink": Meant("tanh_shrink"),
        "LogSigmoid": Meant("log_sigmoid"),
        "LogSoftmax": Meant("log_softmax"),
        "ThresholdedReLU": Meant({"threshold": {"threshold": 1.0, "default_value": 0.0}}),
        "gelu_new gelu_tanh gelu_pytorch_tanh": Meant({"gelu": {"approximate": True}}),
        "quick_gelu": Meant("approximate_gelu"),
    },
    "initializers": {
        "xavier xavier_uniform glorot": Meant("glorot_uniform"),
        "xavier_normal": Meant("glorot_normal", _TRUNCATED),
        "kaiming_normal he msra": Meant("he_normal", f"{_TRUNCATED}; PyTorch's `a` is 0 by default, as for relu"),
        "kaiming_uniform": Meant(
            "he_uniform",
            "that of PyTorch's own layers has `a=sqrt(5)`: `inverse_sqrt_uniform: {mode: fan_in}`",
        ),
        "lecun": Meant("lecun_normal"),
        "normal_ random_normal_initializer": Meant({"random_normal": {"stddev": 1.0}}),
        "trunc_normal_ truncated_normal_initializer": Meant({"truncated_normal": {"stddev": 1.0}}),
        "uniform_": Meant({"random_uniform": {"minval": 0.0, "maxval": 1.0}}),
        "constant_ constant_initializer fill": Meant({"constant": {"value": 0.0}}),
        "zeros_ zeros_initializer": Meant("zeros"),
        "ones_ ones_initializer": Meant("ones"),
        "eye": Meant("identity"),
        "orthogonal_ orthogonal_initializer": Meant("orthogonal"),
    },
    "regularizers": {
        "ridge": Meant({"L2": {"l2": 0.01}}),
        "lasso": Meant({"L1": {"l1": 0.01}}),
        "elasticnet": Meant({"L1L2": {"l1": 0.01, "l2": 0.01}}),
        "orthogonal": Meant("OrthogonalRegularizer"),
        "weight_decay": Meant(None, _OF_THE_OPTIMIZER),
    },
    "constraints": {"nonnegative positive": Meant("NonNeg"), "clip_norm": Meant({"MaxNorm": {"max_value": 1}})},
    "optimizers": {
        "GradientDescent GradientDescentOptimizer": Meant("SGD"),
        "MomentumOptimizer": Meant({"momentum": {"momentum": 0.9}}),
        "nag": Meant("nesterov"),
        "AdamOptimizer SparseAdam": Meant({"Adam": {"epsilon": 1e-8}}),
        "AdagradOptimizer": Meant("Adagrad"),
        "AdadeltaOptimizer": Meant({"Adadelta": {"epsilon": 1e-8}}),
        "RMSPropOptimizer": Meant({"RMSprop": {"epsilon": 1e-10}}),
        "FtrlOptimizer": Meant("Ftrl"),
        "adam_w": Meant({"AdamW": {"weight_decay": 0.01}}),
        "lbfgs": Meant(None, "every optimizer here takes steps on batches: write `Adam`"),
    },
    "schedules": {
        "ExponentialLR": Meant(
            {"exponential": {"decay_epochs": 1, "decay_rate": 0.9, "staircase": True}}, "`decay_rate` is its `gamma`"
        ),
        "ExponentialDecay": Meant({"exponential": {"decay_steps": 1000, "decay_rate": 0.9}}),
        "StepLR": Meant({"step": {"step_epochs": 10, "gamma": 0.1}}, "`step_epochs` is its `step_size`"),
        "MultiStepLR": Meant({"multi_step": {"milestones_epochs": [30, 80], "gamma": 0.1}}),
        "CosineAnnealingLR": Meant("cosine", f"its `T_max` is `decay_epochs`; {_EVERY_STEP}"),
        "CosineAnnealingWarmRestarts": Meant(
            {"cosine_restarts": {"first_decay_epochs": 10, "t_mul": 1}}, "its `T_0` is `first_decay_epochs`"
        ),
        "CosineDecay cosine_decay_schedule": Meant({"cosine": {"decay_steps": 1000}}),
        "CosineDecayRestarts SGDR": Meant({"cosine_restarts": {"first_decay_steps": 1000}}),
        "warmup_cosine_decay_schedule cosine_with_warmup": Meant({"cosine": {"warmup_steps": 100}}),
        "InverseTimeDecay inverse_time": Meant({"power": {"decay_steps": 1000}}, _DECAY_RATE),
        "invscaling": Meant({"power": {"decay_steps": 1, "power": 0.5}}),
        "adaptive": Meant({"performance": {"monitor": "loss", "factor": 0.2, "patience": 2}}),
        "PiecewiseConstantDecay PiecewiseConstant piecewise_constant_schedule": Meant(
            {"piecewise": {"boundaries_steps": [1000], "values": [0.1, 0.01]}}
        ),
        "PolynomialDecay polynomial_schedule": Meant({"polynomial": {"decay_steps": 1000}}),
        "PolynomialLR": Meant(
            {"polynomial": {"decay_epochs": 5, "end_learning_rate": 0.0}},
            f"its `total_iters` is `decay_epochs`; {_EVERY_STEP}",
        ),
        "linear linear_schedule LinearDecay": Meant({"polynomial": {"end_learning_rate": 0.0}}),
        "LinearLR": Meant({"constant": {"warmup_epochs": 5}}, "it begins at 0 here, at a third there"),
        "ReduceLROnPlateau reduce_on_plateau plateau": Meant(
            "performance", "an improvement is more than `min_delta`, in PyTorch more than a share of the value"
        ),
        "OneCycleLR": Meant(
            {"one_cycle": {"max_learning_rate": 0.1}},
            "straight lines, up for 45 % of the run; PyTorch's is a cosine, up for 30 %",
        ),
        "LambdaLR LearningRateScheduler": _OWN_FUNCTION,
    },
    "losses": {
        "CrossEntropyLoss cross_entropy sparse_softmax_cross_entropy softmax_cross_entropy_with_integer_labels": Meant(
            {"sparse_categorical_crossentropy": {"from_logits": True}}, _LOGITS
        ),
        "softmax_cross_entropy softmax_cross_entropy_with_logits": Meant(
            {"categorical_crossentropy": {"from_logits": True}}, _LOGITS
        ),
        "NLLLoss nll": Meant("sparse_categorical_crossentropy", "end with `softmax` instead of `log_softmax`"),
        "BCELoss log_loss": Meant("binary_crossentropy"),
        "BCEWithLogitsLoss sigmoid_cross_entropy sigmoid_cross_entropy_with_logits sigmoid_binary_cross_entropy": Meant(
            {"binary_crossentropy": {"from_logits": True}}, _LOGITS
        ),
        "L1Loss absolute_error": Meant("mean_absolute_error"),
        "MSELoss": Meant("mean_squared_error"),
        "squared_error l2_loss": Meant(
            "mean_squared_error", "scikit-learn and Optax take half of it: halve the learning rate for the same steps"
        ),
        "SmoothL1Loss": Meant("smooth_l1", "its `beta` is 1 in both"),
        "HuberLoss": Meant("huber", "its `delta` is 1 in both"),
        "rmse root_mean_squared_error": Meant(
            "mean_squared_error", "its root is the metric `root_mean_squared_error`, and is least at the same weights"
        ),
        "KLDivLoss kullback_leibler_divergence": Meant("kl_divergence", "of probabilities, not of their logarithms"),
        "PoissonNLLLoss": Meant("poisson", "end with `exponential`: PyTorch's takes the logarithm of the mean"),
        "CTCLoss": Meant("ctc"),
        "cosine_proximity": Meant("cosine_similarity"),
        "sigmoid_focal_crossentropy": Meant({"binary_focal_crossentropy": {"from_logits": True}}, _LOGITS),
    },
    "metrics": {
        "rmse": Meant("root_mean_squared_error"),
        "r2": Meant("r2_score"),
        "f1": Meant("f1_score"),
        "f1_macro": Meant({"f1_score": {"average": "macro"}}),
        "f1_micro": Meant({"f1_score": {"average": "micro"}}),
        "f1_weighted": Meant({"f1_score": {"average": "weighted"}}),
        "roc_auc roc_auc_score auroc": Meant("auc"),
        "average_precision auprc pr_auc": Meant({"auc": {"curve": "PR"}}),
        "accuracy_score": Meant("accuracy"),
        "precision_score": Meant("precision"),
        "recall_score sensitivity tpr": Meant("recall"),
        "top_k top5 top_5_accuracy": Meant({"sparse_top_k_categorical_accuracy": {"k": 5}}),
        "neg_mean_squared_error": Meant("mean_squared_error"),
        "neg_mean_absolute_error": Meant("mean_absolute_error"),
        "log_loss": Meant("binary_crossentropy", "of several classes `sparse_categorical_crossentropy`"),
        "loss": Meant(None, "leave it out: the loss is always a column of the history"),
    },
    "datasets": {
        "make_moons": Meant("moons"),
        "make_circles": Meant("circle"),
        "make_blobs": Meant("gauss"),
        "boston boston_housing": Meant("california_housing", "other houses: nobody should use Boston's any more"),
        "sin": Meant("sine"),
        "numpy npy": Meant(None, "store the arrays with `np.savez`, and write `data: {source: npz, path: rows.npz}`"),
    },
}
"""By kind: words, with blanks between them, that mean the same."""

_LEFT_TO_DATA = "leave it out: what comes in follows from the layer before"
_ELSEWHERE = "leave it out"
PARAMETERS: Mapping[str, Mapping[str, tuple[str | Meant, ...]]] = {
    "layers": {
        "p prob drop_rate": ("rate",),
        "std sigma": ("stddev",),
        "alpha slope": ("negative_slope",),
        "out_features num_units n_units hidden_size num_outputs output_size features": ("units", "filters"),
        "out_channels nb_filter num_filters": ("filters",),
        "kernel filter_size ksize": ("kernel_size", "pool_size"),
        "stride subsample": ("strides",),
        "dilation": ("dilation_rate",),
        "bias with_bias": ("use_bias",),
        "eps": ("epsilon",),
        "dim": ("axis",),
        "num_groups": ("groups",),
        "num_embeddings vocab_size": ("input_dim",),
        "embedding_dim embedding_size": ("output_dim",),
        "nonlinearity act activation_fn": ("activation",),
        "init weight_init kernel_init W_init": ("kernel_initializer",),
        "bias_init b_init": ("bias_initializer",),
        "W_regularizer kernel_reg": ("kernel_regularizer",),
        "W_constraint": ("kernel_constraint",),
        "scale_factor": ("size",),
    },
    "activations": {
        "alpha slope": ("negative_slope",),
        "lambd theta": ("threshold",),
        "value": ("default_value",),
        "dim": ("axis",),
    },
    "initializers": {
        "std sigma": ("stddev",),
        "val c": ("value",),
        "a low": ("minval",),
        "b high": ("maxval",),
    },
    "regularizers": {"lambda lambd weight_decay": ("l2", "l1", "factor")},
    "optimizers": {
        "lr eta eta0 learning_rate_init": ("learning_rate",),
        "b1 beta1": ("beta_1",),
        "b2 beta2": ("beta_2",),
        "eps": ("epsilon",),
        "alpha": ("rho",),
        "use_nesterov nesterovs_momentum": ("nesterov",),
        "max_grad_norm gradient_clip_val clip_grad_norm clip_global_norm": ("global_clipnorm",),
        "clip_norm": ("clipnorm",),
        "clip_value": ("clipvalue",),
        "weight_decay_rate wd": ("weight_decay",),
        "accumulate_grad_batches gradient_accumulation accumulation_steps": ("gradient_accumulation_steps",),
    },
    "schedules": {
        "gamma": ("decay_rate",),
        "T_max total_iters": ("decay_epochs",),
        "T_0": ("first_decay_epochs",),
        "T_mult": ("t_mul",),
        "step_size": ("step_epochs",),
        "milestones": ("milestones_epochs",),
        "boundaries": ("boundaries_steps",),
        "max_lr peak_value": ("max_learning_rate",),
        "eta_min end_value": ("end_learning_rate", Meant("alpha", "as a fraction of the first rate"), "min_lr"),
        "transition_steps": ("decay_steps",),
        "num_warmup_steps warmup": ("warmup_steps",),
        "threshold epsilon": ("min_delta",),
    },
    "losses": {
        "smoothing": ("label_smoothing",),
        "logits": ("from_logits",),
        "ignore_index": ("ignore_class",),
        "dim": ("axis",),
    },
    "metrics": {"smoothing": ("label_smoothing",), "logits": ("from_logits",), "num_classes": ("num_labels",)},
}
"""By kind: words for a parameter, and the parameters of which an object has one."""

NO_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "layers": {
        "in_features in_channels num_features normalized_shape input_size": _LEFT_TO_DATA,
        "input_shape input_dim batch_input_shape batch_shape": str(_NO_INPUT.note),
        "inplace device batch_first track_running_stats": _ELSEWHERE,
        "num_layers": "write the layer so many times: `{repeat: 2, layers: [...]}`",
        "bidirectional": "wrap the layer: `Bidirectional: {layer: ...}`",
        "embed_dim": "write `key_dim`, the size of one head: `embed_dim / num_heads`",
        "affine elementwise_affine": "write `center` and `scale`",
    },
    "optimizers": {
        "betas": "write `beta_1` and `beta_2`",
        "lr_decay decay schedule": "write a schedule at the top: `schedule: {power: {decay_steps: 1000}}`",
        "use_locking maximize foreach fused differentiable capturable": _ELSEWHERE,
    },
    "schedules": {
        "initial_learning_rate init_value base_lr": "it is the optimizer's `learning_rate`",
        "total_steps verbose last_epoch": _ELSEWHERE,
    },
    "losses": {
        "weight pos_weight class_weight": "write `data: {class_weight: {0: 1, 1: 5}}`",
        "size_average reduce": _ELSEWHERE,
    },
}
"""By kind: words for what is no parameter here, and what to do instead."""

_EPOCHS = "write `training: {epochs: 10}`"
_BATCH_SIZE = "write `training: {batch_size: 32}`"
_SEED = "write `seed: 42` at the top"
_SPLIT = "write `data: {validation: 0.2, test: 0.2}`"
_STOPPING = "write `training: {early_stopping: {patience: 10}}`"
KEYS: Mapping[str, str] = {
    "compile": "write `optimizer` at the top, and `loss` and `metrics` under `training`",
    "fit": "write `training: {epochs: 10, batch_size: 32}`",
    "trainer": "write `training: {epochs: 10, batch_size: 32}`",
    "hidden_layer_sizes": "write `model: {hidden: [100]}`",
    "input_features": "write `data: {features: [...]}`; all columns but the target are, if it is left out",
    "output_features": "write `data: {target: ...}`",
    "max_epochs max_iter n_epochs num_epochs num_train_epochs nb_epoch": _EPOCHS,
    "per_device_train_batch_size train_batch_size": _BATCH_SIZE,
    "eval_batch_size per_device_eval_batch_size validation_batch_size": "leave it out: it changes no number",
    "drop_last drop_remainder": "leave it out: the last step of an epoch takes what is left",
    "random_state manual_seed random_seed": _SEED,
    "sequential": "write the layers as a list: `model: {layers: [...]}`",
    "solver optim": "write `optimizer: Adam` at the top",
    "criterion loss_fn loss_function": "write `training: {loss: mean_squared_error}`",
    "lr_scheduler learning_rate_scheduler scheduler learning_rate_schedule": "write `schedule: cosine` at the top",
    "split splits": _SPLIT,
    "warmup_steps": "it belongs to the schedule: `schedule: {cosine: {warmup_steps: 100}}`",
    "early_stop n_iter_no_change": _STOPPING,
    "validation_split validation_fraction val_split": "write `data: {validation: 0.2}`",
    "validation_data": "write `data: {validation: 0.2}`: the rows are split off the training rows",
    "test_split test_size": "write `data: {test: 0.2}`",
    "train_test_split": "write `data: {test: 0.2, validation: 0.2}`",
    "sample_weight sample_weights weights_column": "write `data: {weight: COLUMN}`; for the weights of classes "
    "`data: {class_weight: {0: 1, 1: 5}}`",
    "lr learning_rate_init": "it belongs to the optimizer: `optimizer: {Adam: {learning_rate: 0.001}}`",
    "decay": "write a schedule: `schedule: {exponential: {decay_steps: 1000, decay_rate: 0.9}}`",
    "gradient_clip_val max_grad_norm gradient_clipping": "it belongs to the optimizer: "
    "`optimizer: {Adam: {global_clipnorm: 1.0}}`",
    "kernel_initializer weight_init": "write `model: {initializer: he_normal}`",
    "kernel_regularizer": "write `model: {regularizer: {L2: 0.0001}}`",
    "steps_per_epoch": "leave it out: an epoch is all training rows, of which `data.limit` takes fewer",
    "num_workers pin_memory": "leave it out: rows are in memory",
    "verbose": "leave it out: `--quiet` and `--verbose` of the command say it",
    "input_shape input_dim": str(_NO_INPUT.note),
    "hyperopt": "write `tune: {space: {optimizer.learning_rate: {float: [0.0001, 0.1]}}}`",
}
"""Keys of other libraries and of their functions, and what says the same."""


def name_meant(kind: str, word: str) -> Meant | None:
    """Return what another library's name for an object of a kind means here."""
    return _by_word("names", kind).get(_plain(word))


def parameter_meant(entry: Entry, word: str, known: Collection[str]) -> str | None:
    """Say what another library's name for a parameter of an object means here.

    Args:
        entry: the object.
        word: what was written.
        known: the parameters that may still be given.
    """
    for parameter in _by_word("parameters", entry.kind).get(_plain(word), ()):
        name, note = parameter if isinstance(parameter, Meant) else Meant(parameter)
        if name in known:
            return f"write `{name}`" + (f", {note}" if note is not None else "")
    remedy: str | None = _by_word("no parameters", entry.kind).get(_plain(word))
    return remedy


def key_meant(word: str) -> str | None:
    """Say what stands for a key of another library."""
    remedy: str | None = _by_word("keys", "").get(_plain(word))
    return remedy


@cache
def _by_word(table: str, kind: str) -> Mapping[str, Any]:
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
        "names": NAMES,
        "parameters": PARAMETERS,
        "no parameters": NO_PARAMETERS,
        "keys": {"": KEYS},
    }
    return {_plain(word): meant for words, meant in tables[table].get(kind, {}).items() for word in words.split()}


def _plain(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")
