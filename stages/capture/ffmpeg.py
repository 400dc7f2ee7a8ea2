"""What FFmpeg is told, whichever backend it works behind."""


def rtsp_options(transport: str) -> dict[str, str]:
    """Options of FFmpeg's RTSP client.

    Only video is asked for: with audio in the session the time base of the video jumps at the first sender report.
    No pictures are spent on guessing a frame rate, which nothing here uses: 10 frames a second take 2.7 s to open
    otherwise.
    """
    return {"rtsp_transport": transport, "allowed_media_types": "video", "fpsprobesize": "0"}
