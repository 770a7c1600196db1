import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_synthgate.errors import StoreError
from pytest_synthgate.features.store import SCHEMA_VERSION, Pixels, Store
from pytest_synthgate.files.stamps import FileStamp


def test_a_new_directory_keeps_itself_out_of_version_control_and_backups(tmp_path: Path) -> None:
    with Store(tmp_path / "deep" / "store") as store:
        assert (store.directory / ".gitignore").read_text() == "*\n"
        tag = (store.directory / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_the_file_is_in_wal_mode_and_carries_its_version(store: Store) -> None:
    with sqlite3.connect(store.file) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    other.close()


@settings(deadline=None, max_examples=30)
@given(
    rows=st.dictionaries(
        st.text("0123456789abcdef", min_size=1, max_size=8),
        hnp.arrays(np.float32, 5, elements=st.floats(-1, 1, width=32)),
        max_size=9,
    )
)
def test_features_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, np.ndarray]) -> None:
    with Store(tmp_path_factory.mktemp("store")) as store:
        store.add_features("key", rows)
        found = store.features([*rows, "unknown"], "key")
    assert found.keys() == rows.keys()
    assert all(np.array_equal(found[name].view(np.uint32), rows[name].view(np.uint32)) for name in rows)


def test_a_matrix_holds_the_features_in_the_order_of_the_digests(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.features.store._READ_AT_ONCE", 3)
    rows = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    store.add_features("key", {f"d{number}": row for number, row in enumerate(rows)})
    order = [7, 0, 3, 3, 1, 6, 7, 2]
    found = store.matrix([f"d{number}" for number in order], "key", 5)
    assert found.dtype == np.float32
    assert np.array_equal(found, rows[order])
    assert store.matrix([], "key", 5).shape == (0, 5)


def test_a_matrix_of_features_that_are_not_there_is_refused_with_the_remedy(store: Store) -> None:
    store.add_features("key", {"d": np.ones(3, dtype=np.float32)})
    with pytest.raises(StoreError, match=r"store\.sqlite has lost the features of 2 images; run again"):
        store.matrix(["d", "e", "f", "e"], "key", 3)


def test_features_are_little_endian_float32_on_disk(store: Store) -> None:
    store.add_features("key", {"d": np.array([1.0, -2.5], dtype=np.float32)})
    with sqlite3.connect(store.file) as other:
        ((blob,),) = other.execute("SELECT vector FROM features").fetchall()
    other.close()
    assert blob == b"\x00\x00\x80?\x00\x00 \xc0"


def test_features_of_another_key_are_not_found(store: Store) -> None:
    store.add_features("fp32", {"d": np.ones(3, dtype=np.float32)})
    assert store.features(["d"], "bf16") == {}
    assert store.embedded(["d"], "bf16") == set()
    assert store.embedded(["d", "e"], "fp32") == {"d"}


def test_features_once_added_stay_as_they_are(store: Store) -> None:
    store.add_features("key", {"d": np.ones(3, dtype=np.float32)})
    store.add_features("key", {"d": np.zeros(3, dtype=np.float32), "e": np.zeros(3, dtype=np.float32)})
    assert store.features(["d"], "key")["d"].tolist() == [1, 1, 1]
    assert store.embedded(["d", "e"], "key") == {"d", "e"}


def test_more_values_than_sqlite_has_variables_can_be_looked_up(store: Store) -> None:
    rows = {str(number): np.full(2, number, dtype=np.float32) for number in range(40_000)}
    store.add_features("key", rows)
    assert len(store.features(rows, "key")) == 40_000


@pytest.mark.parametrize("changed", [FileStamp("/a", 2, 5), FileStamp("/a", 1, 6), FileStamp("/b", 1, 5)])
def test_a_file_of_another_size_time_or_name_is_not_known(store: Store, changed: FileStamp) -> None:
    stamp = FileStamp("/a", 1, 5)
    store.add_files("decoder", [(stamp, "hash")], {})
    assert store.file_hashes([stamp]) == {"/a": "hash"}
    assert store.file_hashes([changed]) == {}


def test_a_changed_file_replaces_what_was_known_of_it(store: Store) -> None:
    store.add_files("decoder", [(FileStamp("/a", 1, 5), "old")], {})
    store.add_files("decoder", [(FileStamp("/a", 1, 6), "new")], {})
    assert store.file_hashes([FileStamp("/a", 1, 6)]) == {"/a": "new"}


def test_pixels_are_known_to_the_decoder_that_read_them_only(store: Store) -> None:
    seen = {"h1": Pixels("sha256:1"), "h2": Pixels(None, "the file is empty")}
    store.add_files("pillow 1", [], seen)
    assert store.pixels(["h1", "h2", "h3"], "pillow 1") == seen
    assert store.pixels(["h1", "h2"], "pillow 2") == {}


@pytest.mark.parametrize("kind", ["weights", "hardware", "measurement"])
def test_notes_are_replaced_by_newer_ones(store: Store, kind: str) -> None:
    assert store.note(kind, "name") is None
    store.add_note(kind, "name", "{}")
    store.add_note(kind, "name", '{"a": 1}')
    assert store.note(kind, "name") == '{"a": 1}'
    assert store.note(kind, "other") is None
    assert store.note("another kind", "name") is None


def test_notes_beyond_the_bound_go_the_longest_unused_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.features.store.MOST_NOTED", 40)
    store.add_note("weights", "net", "w" * 30)
    for name in "abcd":
        store.add_note("measurement", name, name * 10)
    assert store.note("measurement", "a")
    store.add_note("measurement", "e", "e" * 10)
    assert [name for name in "abcde" if store.note("measurement", name)] == ["a", "c", "d", "e"]
    assert store.note("weights", "net")


def test_a_note_larger_than_the_bound_is_kept_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.features.store.MOST_NOTED", 40)
    store.add_note("measurement", "small", "s")
    store.add_note("measurement", "large", "l" * 99)
    assert (store.note("measurement", "small"), store.note("measurement", "large")) == (None, "l" * 99)


def test_the_file_does_not_grow_with_every_state_of_the_sets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.features.store.MOST_NOTED", 200_000)
    for state in range(50):
        store.add_note("measurement", f"state {state}", "x" * 50_000)
    with sqlite3.connect(store.file) as other:
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (4,)
        assert other.execute("PRAGMA page_count").fetchone()[0] * 4096 < 600_000
    other.close()


def test_a_note_can_be_read_where_nothing_can_be_written(store: Store) -> None:
    store.add_note("measurement", "key", "{}")
    store._connection.execute("PRAGMA query_only = 1")
    assert store.note("measurement", "key") == "{}"


_VERSION_1 = """
CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pixels (hash TEXT, decoder TEXT, digest TEXT, reason TEXT, PRIMARY KEY (hash, decoder)) WITHOUT ROWID;
CREATE TABLE features (digest TEXT, key TEXT, vector BLOB NOT NULL, PRIMARY KEY (digest, key));
CREATE TABLE weights (encoder TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hardware (machine TEXT PRIMARY KEY, choice TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE measurements (key TEXT PRIMARY KEY, measurement TEXT NOT NULL);
INSERT INTO features VALUES ('d', 'key', x'0000803f');
INSERT INTO measurements VALUES ('key', '{}');
PRAGMA user_version = 1;
"""


def test_a_file_of_version_1_keeps_its_features(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite") as other:
        other.executescript(_VERSION_1)
    other.close()
    with Store(tmp_path) as store:
        assert store.features(["d"], "key")["d"].tolist() == [1]
        store.add_note("measurement", "key", "new")
    with Store(tmp_path) as store:
        assert store.note("measurement", "key") == "new"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no text")
def test_a_file_name_that_is_no_text_has_a_stamp_that_can_be_stored(store: Store, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.png")
    path.write_bytes(b"x")
    stamp = FileStamp.of(path)
    store.add_files("decoder", [(stamp, "hash")], {})
    assert store.file_hashes([stamp]) == {stamp.path: "hash"}


def test_what_was_added_is_there_when_opened_again(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_note("measurement", "key", "{}")
    with Store(tmp_path) as store:
        assert store.note("measurement", "key") == "{}"


def test_a_failing_transaction_leaves_nothing_behind(store: Store) -> None:
    stamps = [(FileStamp("/a", 1, 1), "h"), (FileStamp("/b", 2**70, 1), "h")]
    with pytest.raises(OverflowError):
        store.add_files("decoder", stamps, {})
    assert store.file_hashes([FileStamp("/a", 1, 1)]) == {}
    store.add_note("measurement", "key", "still usable")


def test_a_file_of_a_newer_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        file = store.file
    with sqlite3.connect(file) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    with pytest.raises(StoreError, match=rf"store\.sqlite has version {SCHEMA_VERSION + 1}.*delete it"):
        Store(tmp_path)


@pytest.mark.parametrize("content", [b"no database, but long enough to look at" * 9, b"\x00" * 4096])
def test_a_file_that_is_no_database_is_refused_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.sqlite").write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.sqlite is damaged .*delete it"):
        Store(tmp_path)


def test_damage_that_shows_later_is_reported_the_same_way(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_features("key", {str(each): np.ones(2000, dtype=np.float32) for each in range(50)})
        file = store.file
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    file.write_bytes(content)
    with (
        pytest.raises(StoreError, match=r"store\.sqlite is damaged .*delete it"),
        Store(tmp_path) as store,
    ):
        store.features(map(str, range(50)), "key")


def test_a_directory_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file.store cannot be written .*--synth-cache=DIR"):
        Store(tmp_path / "file" / "store")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused_with_the_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"cannot be written .*--synth-cache=DIR"):
        Store(tmp_path)


def test_a_full_or_failing_disk_is_reported_with_the_remedy(store: Store) -> None:
    store._connection.execute("PRAGMA max_page_count = 1")  # SQLite then says that the disk is full
    with pytest.raises(StoreError, match=r"cannot be used \(database or disk is full\).*--synth-cache=DIR"):
        store.add_features("key", {"d": np.ones(50_000, dtype=np.float32)})


def test_threads_share_one_store(store: Store) -> None:
    def work(name: int) -> None:
        for each in range(30):
            store.add_features("key", {f"{name}-{each}": np.ones(4, dtype=np.float32)})
            store.embedded([f"{name}-{each}"], "key")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [f"{name}-{each}" for name in range(4) for each in range(30)]
    assert store.embedded(names, "key") == set(names)


_PROCESS = """
import sys
from pathlib import Path
import numpy as np
from pytest_synthgate.features.store import Pixels, Store
from pytest_synthgate.files.stamps import FileStamp

with Store(Path(sys.argv[1])) as store:
    for each in range(40):
        store.add_features("key", {f"d{each}": np.full(64, each, dtype=np.float32)})
        store.add_files("decoder", [(FileStamp(f"/{each}", 1, 1), f"h{each}")], {f"h{each}": Pixels(f"d{each}")})
        store.add_note("measurement", "key", "{}")
"""


def test_processes_may_open_and_write_the_same_things_at_once(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", _PROCESS, str(tmp_path / "new")]) for _ in range(4)]
    assert [each.wait(timeout=120) for each in running] == [0, 0, 0, 0]
    with Store(tmp_path / "new") as store:
        found = store.features([f"d{each}" for each in range(40)], "key")
        assert {name: float(row[0]) for name, row in found.items()} == {f"d{n}": n for n in range(40)}
        assert len(store.pixels([f"h{each}" for each in range(40)], "decoder")) == 40


_COUNTER = """
import sys, time
from pathlib import Path
from pytest_synthgate.features.store import Store

with Store(Path(sys.argv[1])) as store:
    for _ in range(20):
        with store.lock("count"):
            count = int(store.note("measurement", "count") or 0)
            time.sleep(0.001)
            store.add_note("measurement", "count", str(count + 1))
"""


def test_a_lock_makes_processes_wait_for_each_other(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", _COUNTER, str(tmp_path)]) for _ in range(3)]
    assert [each.wait(timeout=120) for each in running] == [0, 0, 0]
    with Store(tmp_path) as store:
        assert store.note("measurement", "count") == "60"


def test_a_lock_is_free_again_after_an_error(store: Store) -> None:
    with pytest.raises(KeyError), store.lock("../any name: at all"):
        raise KeyError
    with store.lock("../any name: at all"), store.lock("another"):
        pass
    assert {path.parent for path in store.directory.rglob("*.lock")} == {store.directory}
