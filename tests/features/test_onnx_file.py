from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.onnx_file import weight_files

pytest.importorskip("onnx")
from onnx import TensorProto, helper

from .onnx_files import renamed_weights, write_model


def external(name: str, location: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="location", value=location)
    return tensor


def test_a_model_that_holds_its_weights_names_no_file(tmp_path: Path) -> None:
    write_model(tmp_path / "net.onnx")
    assert weight_files(tmp_path / "net.onnx") == ()


def test_files_are_found_wherever_a_tensor_may_stand(tmp_path: Path) -> None:
    branch = helper.make_graph([], "branch", [], [], [external("deep", "data/deep.bin")])
    constant = helper.make_node("Constant", [], ["constant"], value=external("c", "constant.bin"))
    choice = helper.make_node("If", ["image"], ["out"], then_branch=branch, else_branch=branch)
    function = helper.make_function("own", "F", [], ["f"], [constant], [helper.make_opsetid("", 17)])
    graph = helper.make_graph([choice], "g", [], [], [external("w", "w.bin"), external("again", "w.bin")])
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(external("s", "sparse.bin"))
    model = helper.make_model(graph, functions=[function])
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    names = ["constant.bin", "data/deep.bin", "sparse.bin", "w.bin"]
    (tmp_path / "data").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(b"1234")
    assert weight_files(tmp_path / "net.onnx") == tuple(tmp_path / name for name in names)


@pytest.mark.parametrize(
    "location", ["../net.data", "/etc/hostname", "a/../../net.data", "..\\net.data", "C:\\x", "", "a\nb", "."]
)
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_model(folder / "net.onnx", weights="net.data")
    (tmp_path / "net.data").write_bytes((folder / "net.data").read_bytes())
    renamed_weights(folder / "net.onnx", location)
    with pytest.raises(EncoderError) as caught:
        weight_files(folder / "net.onnx")
    assert "net.onnx names weights outside its folder, " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_model(folder / "net.onnx", weights="net.data")
    (folder / "net.data").rename(tmp_path / "net.data")
    (folder / "net.data").symlink_to(tmp_path / "net.data")
    with pytest.raises(EncoderError, match="names weights outside its folder"):
        weight_files(folder / "net.onnx")


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    write_model(tmp_path / "net.onnx", weights="net.data")
    (tmp_path / "net.data").unlink()
    with pytest.raises(EncoderError, match=r"net\.onnx keeps weights in net\.data, which is not beside it; copy it"):
        weight_files(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"version https://git-lfs.github.com/spec/v1\n", b"\x08\x08", b"\xff" * 99]
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(EncoderError, match=r"net\.onnx is no ONNX file, or is damaged.*; save it anew"):
        weight_files(tmp_path / "net.onnx")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damage_anywhere_ends_in_an_answer_or_in_one_error(tmp_path: Path, data: st.DataObject) -> None:
    write_model(tmp_path / "whole.onnx")
    content = bytearray((tmp_path / "whole.onnx").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "net.onnx").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = weight_files(tmp_path / "net.onnx")
    except EncoderError:
        return
    assert all(tmp_path in each.parents for each in found)
