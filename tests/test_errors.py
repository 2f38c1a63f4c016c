"""What a library's error is told as: the sentence that says what is wrong."""

from __future__ import annotations

import errno

import pytest

from nnlab.errors import first_line, is_out_of_memory, system_problem

TOLD = {
    "Graph execution error:\n\nDetected at node m/e/GatherV2 defined at (most recent call last):\n"
    '  File "/a.py", line 5, in <module>\n\n  File "/b.py", line 7, in call\n\n'
    "indices[0,3] = 19 is not in [0, 10)\n\t [[{{node m/e/GatherV2}}]] [Op:__inference_f_68]": (
        "indices[0,3] = 19 is not in [0, 10)"
    ),
    "Exception encountered when calling Embedding.call().\n\n\x1b[1m{{function_node __wrapped__GatherV2_device_"
    "/job:localhost/replica:0/task:0/device:CPU:0}} indices[0,0] = 14 is not in [0, 10) [Op:GatherV2]\x1b[0m\n\n"
    "Arguments received by Embedding.call():\n  • inputs=tf.Tensor(shape=(8, 7), dtype=float32)": (
        "indices[0,0] = 14 is not in [0, 10)"
    ),
    "Graph execution error:\n\n2 root error(s) found.\n  (0) INVALID_ARGUMENT:  Incompatible shapes: [3] vs. [2]\n"
    "\t [[{{node add}}]]\n  (1) CANCELLED: other\n0 successful operations.\n0 derived errors ignored.\n": (
        "Incompatible shapes: [3] vs. [2]"
    ),
    "Dimensions must be equal, but are 3 and 2 for '{{node loss/sub}} = Sub[T=DT_FLOAT](data_1, add)' with input "
    "shapes: [?,3], [?,2].": "Dimensions must be equal, but are 3 and 2 with input shapes: [?,3], [?,2]",
    "Could not infer the shape. Error encountered:\n\nthe user says\nand says more": "the user says",
    "{{function_node __inference_<lambda>_830}} KeyError: 'zz'\nTraceback (most recent call last):\n\n"
    '  File "/x.py", line 269, in __call__\n    ret = func()\n          ^^^\n\nKeyError: \'zz\'\n': "KeyError: 'zz'",
    "Graph execution error:\n\n": "ValueError",
    "": "ValueError",
}  # fmt: skip


@pytest.mark.parametrize("text", TOLD)
def test_an_error_is_told_by_its_sentence_without_nodes_and_stacks(text):
    assert first_line(ValueError(text)) == TOLD[text]


def gather(tf):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Embedding(10, 4), keras.layers.Flatten()])
    model.compile("sgd", "mse")
    model.fit(tf.fill([4, 2], 19), tf.zeros([4, 8]), verbose=0)


def multiply(tf):
    product = tf.function(tf.matmul).get_concrete_function(*[tf.TensorSpec([None, None])] * 2)
    product(tf.zeros([3, 4]), tf.zeros([3, 4]))


def check(tf):
    tf.function(lambda x: tf.debugging.check_numerics(x, "the check"))(tf.constant([float("nan")]))


def allocate(tf):
    tf.function(lambda n: tf.zeros([n, 10_000_000]) + 1.0)(tf.constant(100_000_000))


def compile_text(tf):
    tf.function(lambda x: tf.strings.length(tf.strings.as_string(x)), jit_compile=True)(tf.zeros([3]))


def read_text(tf):
    tf.function(tf.strings.to_number)(tf.constant(["abc"]))


def reshape(tf):
    tf.function(tf.reshape).get_concrete_function(tf.TensorSpec([None]), tf.TensorSpec([2], tf.int32))(
        tf.zeros([7]), tf.constant([2, 3])
    )


@pytest.mark.tf
@pytest.mark.parametrize(
    ("fail", "told"),
    [
        (gather, "indices[0,0] = 19 is not in [0, 10)"),
        (multiply, "Matrix size-incompatible: In[0]: [3,4], In[1]: [3,4]"),
        (check, "the check : Tensor had NaN values"),
        (allocate, "OOM when allocating tensor with shape[100000000,10000000] and type float"),
        (compile_text, "Detected unsupported operations on XLA_CPU_JIT: AsString (No registered 'AsString' OpKernel"),
        (read_text, "StringToNumberOp could not correctly convert string: abc"),
        (reshape, "Input to reshape is a tensor with 7 values, but the requested shape has 6"),
    ],
)
def test_what_tensorflow_raises_is_told_by_its_sentence(fail, told):
    import tensorflow as tf

    with pytest.raises(tf.errors.OpError) as raised:
        fail(tf)
    text = first_line(raised.value)
    assert text.startswith(told)
    assert not any(word in text for word in ("node", "__inference", "Graph execution", "\n", "/job:"))
    assert is_out_of_memory(raised.value) == (fail is allocate)


def test_what_the_system_refuses_names_file_reason_and_remedy():
    problem = system_problem(OSError(errno.ENOSPC, "No space left on device", "runs/a/history.csv"))
    assert str(problem) == (
        "cannot use `runs/a/history.csv`: no space left on device\n"
        "  hint: free some space on that disk, or give a folder on another one"
    )
    told = RuntimeError("Problems closing file (file write failed: error message = 'No space left on device')")
    assert system_problem(told).message == "no space left on device"
    assert system_problem(ValueError("no such thing")) is None
