"""What the peers' scripts read and say alike."""
import os
import resource
import sys

import numpy as np


def first_of(path, rows, columns, dtype):
    """The first rows and columns of a matrix in a file, all where 0 is asked for; ends the script if it has not these."""
    script = os.path.basename(sys.argv[0])
    array = np.load(path, mmap_mode="r")
    if array.dtype != dtype or array.ndim != 2 or rows > array.shape[0] or columns > array.shape[1]:
        sys.exit(f"{script}: {path}: at least ({rows}, {columns}) {np.dtype(dtype)} required, "
                 f"got {array.shape} {array.dtype}")
    array = np.array(array[:rows or None, :columns or None])
    if not np.isfinite(array).all():
        sys.exit(f"{script}: {path}: a value is NaN or infinite")
    return array


def peak_mib():
    """The most resident memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
