"""nnlab's own Keras objects; importing this package lets Keras load models that hold them.

Written by `scripts/generate_catalog.py`, like the catalog: run it after adding an object.
"""
# ruff: noqa: I001  (in the order of Python)

from nnlab.layers.activation_layers import NoisyReLU as NoisyReLU
from nnlab.layers.activation_layers import RandomizedLeakyReLU as RandomizedLeakyReLU
from nnlab.layers.activation_layers import Swish as Swish
from nnlab.layers.activations import ActivationFunction as ActivationFunction
from nnlab.layers.activations import approximate_gelu as approximate_gelu
from nnlab.layers.activations import heaviside as heaviside
from nnlab.layers.activations import sign as sign
from nnlab.layers.backbone import Backbone as Backbone
from nnlab.layers.dropout import MCAlphaDropout as MCAlphaDropout
from nnlab.layers.dropout import MCDropout as MCDropout
from nnlab.layers.functions import FunctionWith as FunctionWith
from nnlab.layers.graph_schedules import GraphSchedule as GraphSchedule
from nnlab.layers.graph_schedules import PerformanceSchedule as PerformanceSchedule
from nnlab.layers.initializers import InverseSqrtUniform as InverseSqrtUniform
from nnlab.layers.losses import AsymmetricError as AsymmetricError
from nnlab.layers.losses import SmoothL1 as SmoothL1
from nnlab.layers.maxout import Maxout as Maxout
from nnlab.layers.metrics import ConcordanceOverRows as ConcordanceOverRows
from nnlab.layers.metrics import CosineOverRows as CosineOverRows
from nnlab.layers.metrics import InOwnUnits as InOwnUnits
from nnlab.layers.metrics import LabelWeightedAUC as LabelWeightedAUC
from nnlab.layers.metrics import OfPredictions as OfPredictions
from nnlab.layers.metrics import PearsonOverRows as PearsonOverRows
from nnlab.layers.metrics import R2OverRows as R2OverRows
from nnlab.layers.models import WideAndDeep as WideAndDeep
from nnlab.layers.step_factors import AdadeltaWithStepFactors as AdadeltaWithStepFactors
from nnlab.layers.step_factors import AdafactorWithStepFactors as AdafactorWithStepFactors
from nnlab.layers.step_factors import AdagradWithStepFactors as AdagradWithStepFactors
from nnlab.layers.step_factors import AdamWWithStepFactors as AdamWWithStepFactors
from nnlab.layers.step_factors import AdamWithStepFactors as AdamWithStepFactors
from nnlab.layers.step_factors import AdamaxWithStepFactors as AdamaxWithStepFactors
from nnlab.layers.step_factors import FtrlWithStepFactors as FtrlWithStepFactors
from nnlab.layers.step_factors import LambWithStepFactors as LambWithStepFactors
from nnlab.layers.step_factors import LionWithStepFactors as LionWithStepFactors
from nnlab.layers.step_factors import MuonWithStepFactors as MuonWithStepFactors
from nnlab.layers.step_factors import NadamWithStepFactors as NadamWithStepFactors
from nnlab.layers.step_factors import RMSpropWithStepFactors as RMSpropWithStepFactors
from nnlab.layers.step_factors import SGDWithStepFactors as SGDWithStepFactors
from nnlab.layers.step_factors import ScheduleFreeAdamWWithStepFactors as ScheduleFreeAdamWWithStepFactors
