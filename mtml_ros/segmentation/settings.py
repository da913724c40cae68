"""SegmenterSettings: the options of each step, as weights and recipes hold them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mtml_ros.core.options import build
from mtml_ros.segmentation.label_fusion import LabelFusionSettings
from mtml_ros.segmentation.labelling import LabellingSettings
from mtml_ros.segmentation.paper_score import ScoreSettings
from mtml_ros.segmentation.proposals import ProposalSettings
from mtml_ros.segmentation.suppression import SuppressionSettings


@dataclass(frozen=True)
class SegmenterSettings:
    """Post-processing (MTML, section 3.3), step by step.

    as_in_the_paper: proposals from mean-shift and component splits, scored by the paper's three
        terms, hard non-maximum suppression, and nothing that this project adds: it switches off
        the label fusion, proposals from labels, the learned score and the joint choice that follows
        it, soft suppression, the assignment of leftover voxels and borders finer than voxels,
        whatever the steps' own options say.
    """

    as_in_the_paper: bool = False
    label_fusion: LabelFusionSettings = field(default_factory=LabelFusionSettings)
    proposals: ProposalSettings = field(default_factory=ProposalSettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    suppression: SuppressionSettings = field(default_factory=SuppressionSettings)
    labelling: LabellingSettings = field(default_factory=LabellingSettings)

    def __post_init__(self) -> None:
        if self.as_in_the_paper:
            without = {
                "label_fusion": replace(self.label_fusion, enabled=False),
                "proposals": replace(self.proposals, label_components=False),
                "score": replace(self.score, learned=False),
                "suppression": replace(self.suppression, soft=False),
                "labelling": replace(self.labelling, assign_radius=0.0),
            }
            for name, step in without.items():
                object.__setattr__(self, name, step)

    @staticmethod
    def from_dict(values: Any) -> SegmenterSettings:
        """Settings from nested mappings, steps and options left out having their defaults.

        Raises ConfigurationError for options that are unknown, or of a wrong type or range.
        """
        return build(SegmenterSettings, values, "settings")
