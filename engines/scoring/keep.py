"""Embeddings beside the scores, for those who want them: one Parquet file an embedder and shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...filters.scorer import Embedder
from ...filters.sidecar import Sidecar, canonical, write_table
from ...manifests.errors import OutputError
from ...writers.shards import output_errors
from .catalogue import KEY_BYTES, SIDES, ShardEntry
from .store import EmbeddingStore, Keys, store_folder

_ABOUT = b"taskpaint"


def keep_embeddings(
    sidecar: Sidecar,
    embedder: Embedder,
    entries: Sequence[ShardEntry],
    store: EmbeddingStore,
    dtype: Literal["float16", "float32"],
) -> None:
    """Write `scores/embeddings/<embedder>/<shard>.parquet`: key, embedding; a row for each distinct picture.

    A picture of several shards stands in each, so that every file is whole by itself. The key is the beginning of the
    SHA-256 of the picture's bytes. A file that is there and true is left as it is.

    Raises:
        OutputError: the folder cannot be written, or float16 cannot hold the vectors.
    """
    home = sidecar.folder / "embeddings" / store_folder(sidecar.folder, embedder).parent.name
    kind = pa.float16() if dtype == "float16" else pa.float32()
    schema = pa.schema([("key", pa.binary(KEY_BYTES)), ("embedding", pa.list_(kind, embedder.dim))])
    with output_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            about = canonical({"embedder": dict(embedder.identity), "data_sha256": entry.sha256, "dtype": dtype})
            file = home / f"{entry.name}.parquet"
            if not (file.is_file() and (pq.read_schema(file).metadata or {}).get(_ABOUT) == about.encode()):
                write_table(file, _table(entry, store, schema.with_metadata({_ABOUT: about.encode()}), dtype))


def _table(entry: ShardEntry, store: EmbeddingStore, schema: pa.Schema, dtype: str) -> pa.Table:
    keys: Keys = np.unique(entry.keys().reshape(-1, len(SIDES)))
    vectors = store.gather(keys)
    with np.errstate(over="ignore"):
        stored = vectors.astype(dtype)
    if not np.array_equal(np.isfinite(stored), np.isfinite(vectors)):
        raise OutputError(f"float16 cannot hold the embeddings of {entry.name}; keep them as float32")
    flat = pa.array(stored.reshape(-1), schema.field("embedding").type.value_type)
    arrays = [
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(keys.tobytes())]),
        pa.FixedSizeListArray.from_arrays(flat, schema.field("embedding").type.list_size),
    ]
    return pa.table(arrays, schema=schema)
