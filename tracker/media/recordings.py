"""Arrays as sounds and films: WAV and animated GIF."""

import wave
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tracker.media.pictures import as_bytes, as_hwc

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def wav(sound: "Array", sample_rate: int) -> bytes:
    """Write a sound of -1 to 1 as 16 bit samples of one channel; what is louder is clipped.

    Args:
        sound: shape (samples,) or (1, samples).
        sample_rate: samples a second.

    Raises: AssertionError: more than one channel, as in torch's writer.
    """
    import numpy as np

    sound = sound.squeeze()
    if sound.ndim != 1:
        raise AssertionError(f"a sound is of shape (samples,) or (1, samples), not {sound.shape}")
    samples = (np.nan_to_num(sound.astype(np.float64)).clip(-1, 1) * np.iinfo(np.int16).max).astype("<i2")
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def gif(films: "Array", frames_a_second: float) -> bytes:
    """Write films of one length side by side; a GIF has 256 colours.

    Args:
        films: shape (films, frames, channels, height, width); uint8, or of 0 to 1.

    Raises: ValueError: another number of dimensions.
    """
    from PIL import Image

    if films.ndim != 5:
        raise ValueError(f"films are of shape (films, frames, channels, height, width), not {films.shape}")
    frames = [Image.fromarray(as_bytes(as_hwc(films[:, at], "NCHW"))) for at in range(films.shape[1])]
    buffer = BytesIO()
    duration_ms = max(20, round(1000 / frames_a_second))
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=duration_ms, loop=0)
    return buffer.getvalue()
