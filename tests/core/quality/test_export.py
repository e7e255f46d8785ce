"""Export of a check as CSV."""

import numpy as np

from core.quality.clusters import Cluster
from core.quality.export import groups_as_csv, ranking_as_csv
from core.quality.near_duplicates import group_near_duplicates
from core.quality.ranking import Ranking
from tests.factories.quality import DuplicateSet


def test_a_ranking_is_exported_as_csv(duplicate_set: DuplicateSet) -> None:
    catalog, ids, _, image_labels = duplicate_set
    ranking = Ranking(np.array([2]), np.array([0.75], "f4"), np.array([1], np.int32))
    text = ranking_as_csv(catalog, ranking, ids, image_labels.classes)
    header, first, _ = text.decode().split("\r\n")
    assert header == "rank,group,image_id,path,label,split,score,suggested,kind"
    assert first == "1,,3,2.png,a,train,0.750000,b,"


def test_groups_of_duplicates_are_exported_with_the_image_to_keep_first(
    duplicate_set: DuplicateSet,
) -> None:
    catalog, ids, neighbors, image_labels = duplicate_set
    groups = group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.999)
    rows = groups_as_csv(catalog, groups, ids).decode().split("\r\n")[1:-1]
    assert rows == [
        "1,1,2,1.png,a,test,1.000000,,exact",
        "2,1,1,0.png,a,train,1.000000,,exact",
    ]


def test_clusters_are_exported_with_the_medoid_first(duplicate_set: DuplicateSet) -> None:
    catalog, ids, _, _ = duplicate_set
    cluster = Cluster(4, np.array([3, 2]), np.array([0.9, 0.8], "f4"), (("a", 1), ("b", 1)))
    rows = groups_as_csv(catalog, [cluster], ids).decode().split("\r\n")[1:-1]
    assert rows == ["1,5,4,3.png,b,test,0.900000,,", "2,5,3,2.png,a,train,0.800000,,"]
