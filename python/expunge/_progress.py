"""How far long work is, in a terminal or a notebook."""
from __future__ import annotations

from typing import Callable, Optional, Union

#: What long work tells: name of the task, units done, units in all, units that were there before.
Callback = Callable[[str, int, int, int], None]
#: True: a bar where tqdm is installed, nothing elsewhere. False or None: nothing.
Progress = Union[bool, Callback, None]


def callback_of(progress: Progress) -> Optional[Callback]:
    """The function that the library calls."""
    if progress is None or progress is False:
        return None
    if progress is not True:
        return progress
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    bars = {}

    def update(task: str, done: int, total: int, resumed: int) -> None:
        if task not in bars:
            bars[task] = tqdm(total=total, initial=resumed, desc=task, unit="model", leave=True)
        bar = bars[task]
        bar.update(done - bar.n)
        if done >= total:
            bar.close()
            del bars[task]

    return update
