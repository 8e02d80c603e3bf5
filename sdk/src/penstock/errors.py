"""What can go wrong, each with a sentence for the person who called.

Each kind of ModelRefused says what is wrong, and below that what to change: docs/user/why-was-my-version-refused.md is
made from it.

PenstockFailure
├── ModelRefused         the model is not logged: the message says why and what to change
│   ├── UnknownKind     of no kind that can be converted
│   ├── ExtraMissing     a package that converts it is not installed
│   ├── FileNotTrusted   opening the file would run code, and nobody said that it may
│   ├── RowsRefused      X or y cannot be served or compared with
│   ├── FeaturesRefused  what is said of a feature store cannot be meant
│   ├── NotConvertible   it cannot be written as ONNX
│   ├── AlreadyConverted the registered version has an ONNX model
│   ├── StoreRefusal     the cluster would not take it
│   └── AnswersDiffer    its ONNX form answers otherwise than the model itself
├── RegistryFault        MLflow does not answer, or refuses
├── DeploymentRefused    the resource has a field that the cluster would not take
└── PredictFailed        a served model gave no prediction
    ├── RequestRefused   it does not take these rows
    ├── NotServed        no such model is served there, or it is not ready
    └── NoAnswer         no answer in time, or one that is none
"""


class PenstockFailure(Exception):
    """The base: catch it to catch all of them."""


class ModelRefused(PenstockFailure):
    """The model is not logged. Nothing was written to MLflow."""


class UnknownKind(ModelRefused):
    """The model is of no kind that can be converted.

    Give a model of scikit-learn, LightGBM, XGBoost or PyTorch, an ONNX model, or the path of a file with one.
    """


class ExtraMissing(ModelRefused):
    """A package that converts the model is not installed.

    Type the line of the message, which installs it.
    """


class FileNotTrusted(ModelRefused):
    """Opening the file would run code from it, and `trust_pickle` was not given.

    If you know who made the file, give trust_pickle=True.
    """


class RowsRefused(ModelRefused):
    """The rows or labels cannot be served or compared with.

    Give real rows as a DataFrame or an array, and as many labels as rows; the message names the column.
    """


class FeaturesRefused(ModelRefused):
    """What `features` says of a feature store cannot be looked up for this model.

    Change what the message names: a column, a default, an age. `columns` are columns of `X`, which is a DataFrame.
    """


class NotConvertible(ModelRefused):
    """The model cannot be written as ONNX.

    Use another step in place of the one that the message names.
    """


class AlreadyConverted(ModelRefused):
    """The registered version has an ONNX model: there is nothing to do.

    Serve it as it is.
    """


class StoreRefusal(ModelRefused):
    """The model store or the predictor would not take it; the message is theirs.

    Change what the message says; the tables below have every reason of the store.
    """


class AnswersDiffer(ModelRefused):
    """The model's ONNX form answers otherwise than the model itself.

    Change the step that the message names. Where a few rows may differ, give allow_differing_rows.
    """


class RegistryFault(PenstockFailure):
    """MLflow does not answer, or refuses."""


class DeploymentRefused(PenstockFailure):
    """The resource has a field that the cluster would not take."""


class PredictFailed(PenstockFailure):
    """A served model gave no prediction."""


class RequestRefused(PredictFailed):
    """The model does not take these rows; the message is its own."""


class NotServed(PredictFailed):
    """No such model is served at the address, or it is not ready."""


class NoAnswer(PredictFailed):
    """No answer in time, or one that is no prediction."""
