"""What all options of the machine have in common."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, and strict about names. Built when first used: a process needs few of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
