"""Export of a check as CSV."""

import numpy as np

from core.quality.export import ranking_as_csv
from core.quality.ranking import Ranking
from tests.factories.quality import DuplicateSet


def test_a_ranking_is_exported_as_csv(duplicate_set: DuplicateSet) -> None:
    catalog, _, _, image_labels = duplicate_set
    ranking = Ranking(np.array([2]), np.array([0.75], "f4"), np.array([1], np.int32))
    text = ranking_as_csv(catalog, ranking, np.arange(1, 7), image_labels)
    header, first, _ = text.decode().split("\r\n")
    assert header == "rank,group,image_id,path,label,split,score,suggested,kind"
    assert first == "1,,3,2.png,a,train,0.750000,b,"
