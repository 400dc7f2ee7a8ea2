"""What an evaluation of anomalies found, as plain values, as tables and as text."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lab.evaluate.anomaly.result import Result
from lab.evaluate.text_table import table


def facts_of(result: Result) -> dict[str, Any]:
    """Everything as plain values, for ``result.json``."""
    places, micro, gain, ahead = result.places(), result.micro(), result.gain(), result.gain_ahead()
    alarms = result.alarms()
    anomalous = sum(int(flagged.sum()) for flagged in result.truth.values())
    frames = sum(map(len, result.truth.values()))
    return {
        "clips": len(result.truth),
        "frames": frames,
        "anomalous": anomalous,
        "fps": {name: result.fps[name] for name in result.truth},
        "scoring_ms": sum(each.milliseconds for each in result.scores.values()) / len(result.scores),
        "frame_auc": {name: asdict(each) for name, each in result.table().items()},
        "micro": asdict(micro),
        "gain_over_max_window_flow": asdict(gain),
        "gain_ahead": asdict(ahead),
        "places": asdict(places) | {"clips": len(result.regions)} if places else None,
        "alarms": [
            {
                "quantile": row.quantile,
                "normal_per_minute": row.normal_per_minute,
                "threshold": row.felt.threshold,
                "anomalies": row.felt.anomalies,
                "found": row.felt.found,
                "alarms": row.felt.alarms,
                "precision": row.felt.precision,
                "false_per_hour": row.felt.false_per_hour,
                "delay_s": row.felt.delay_s,
            }
            for row in alarms
        ],
        "normal_minutes": alarms[0].normal_s / 60,
        "normal_test_minutes": alarms[0].felt.normal_s / 60,
    }


AUC_HEADER = ("score", "micro", "strict macro", "micro, looks ahead", "macro, looks ahead", "per video: a leak")


def auc_rows(facts: Mapping[str, Any]) -> list[list[Any]]:
    """Frame AUC in percent, the method first."""
    keys = ("micro", "macro", "micro_ahead", "macro_ahead", "micro_leak")
    return [[name, *(100 * each[key] for key in keys)] for name, each in facts["frame_auc"].items()]


ALARM_HEADER = ("quantile", "a minute, normal", "found", "alarms", "precision", "false an hour", "delay s")


def alarm_rows(facts: Mapping[str, Any]) -> list[list[Any]]:
    """A row for each threshold."""
    return [
        [
            f"{row['quantile']:g}" if row["quantile"] < 1 else "largest",
            row["normal_per_minute"],
            f"{row['found']} of {row['anomalies']}",
            row["alarms"],
            row["precision"],
            row["false_per_hour"],
            row["delay_s"],
        ]
        for row in facts["alarms"]
    ]


def notes(facts: Mapping[str, Any]) -> list[str]:
    """What must be said beside the figures."""
    both = next(iter(facts["frame_auc"].values()))["clips"]
    share = facts["anomalous"] / facts["frames"]
    micro, gain, ahead = (facts[name] for name in ("micro", "gain_over_max_window_flow", "gain_ahead"))
    lines = [
        f"{facts['frames']} frames of {facts['clips']} clips, {share:.0%} anomalous; strict macro over the {both} that "
        "hold both kinds of frames. Causal unless marked; nothing is scaled by clip, but in the last column, which is "
        "not comparable with anything causal.",
        f"micro {_percent(micro)}; gain over max window flow {_percent(gain, sign='+')}, smoothed (looks ahead) "
        f"{_percent(ahead, sign='+')}: points, 95 %, clips drawn anew.",
    ]
    if facts["clips"] < 10:
        lines.append(f"{facts['clips']} clips make a rough interval: a handful may agree by chance.")
    if facts["places"]:
        found = facts["places"]
        lines.append(
            f"RBDC {100 * found['rbdc']:.1f}, TBDC {100 * found['tbdc']:.1f} ({found['regions']} regions, "
            f"{found['tracks']} tracks of {found['clips']} clips with masks; overlap .1, a tenth of a track)."
        )
    return lines


def caution(facts: Mapping[str, Any]) -> str:
    """What false alarms an hour can be known from so little: none in T hours means at most 3/T, 95 % (Poisson)."""
    test, apart = facts["normal_test_minutes"], facts["normal_minutes"]
    bounds = [
        f"{minutes:.1f} min of {what}" for minutes, what in ((test, "normal test frames"), (apart, "normal clips"))
    ]
    least = [f"{180 / minutes:.0f}" if minutes else "any number" for minutes in (test, apart)]
    return (
        f"False alarms an hour are projected from {bounds[0]}: none at all there means at most {least[0]} an hour "
        f"(95 %); none in {bounds[1]} at most {least[1]}."
    )


def text_of(facts: Mapping[str, Any]) -> str:
    """For a terminal."""
    return "\n\n".join(
        [
            table(AUC_HEADER, _rounded(auc_rows(facts), 2)),
            "\n".join(notes(facts)),
            "alarms: three frames in a row over a quantile of normal scores (models that did not see them)\n"
            + table(ALARM_HEADER, _rounded(alarm_rows(facts), 2))
            + f"\n{caution(facts)}\n"
            + f"scoring takes {facts['scoring_ms']:.2f} ms a frame, beside capture, flow and detector",
        ]
    )


def _percent(interval: Mapping[str, float], *, sign: str = "") -> str:
    value, low, high = (format(100 * interval[key], f"{sign}.2f") for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _rounded(rows: list[list[Any]], digits: int) -> list[list[Any]]:
    shown = [[f"{value:.{digits}f}" if isinstance(value, float) else value for value in row] for row in rows]
    return [["-" if value == "nan" else value for value in row] for row in shown]
