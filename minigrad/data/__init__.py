"""Data: datasets, and the loader that makes batches of them.

Read ``dataset.py`` first, then ``loader.py``, ``collate.py`` and last ``workers.py``, the processes.
"""

from minigrad.data.collate import default_collate
from minigrad.data.dataset import Dataset, Subset, TensorDataset, random_split
from minigrad.data.loader import DataLoader

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
]
