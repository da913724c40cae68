"""Robots on one network, a node each in its namespace; and what a node says when it starts."""

from mtml_ros.srv import MapFile


def test_robots_share_neither_the_name_of_their_status_nor_the_folder_of_their_maps(
    start_node, robot, tmp_path
):
    nodes = [start_node({"HOME": str(tmp_path)}, namespace=f"/{name}") for name in "ab"]
    names = {"a/instance_segmentation: segmentation", "b/instance_segmentation: segmentation"}
    heard = robot.heard["diagnostics"]
    robot.until(lambda: names <= {array.status[0].name for array in heard}, 60)
    for name in "ab":
        client = robot.node.create_client(MapFile, f"/{name}/instance_segmentation/save_map")
        robot.until(client.service_is_ready)

        def saved(client=client):
            future = client.call_async(MapFile.Request(filename="room"))
            robot.until(future.done)
            return future.result().success

        robot.until(saved)  # once it is active
    assert sorted(p.parent.name for p in tmp_path.rglob("room")) == ["a", "b"]
    for node in nodes:
        assert node.stop()[0] == 0, node.text


def test_at_activation_five_lines_say_what_is_heard_where_and_by_what(start_node, robot):
    node = start_node()
    robot.wait_active()
    robot.until(lambda: "segmenting at 1 Hz on" in node.text)
    for words in (
        "input points: /points",
        "map frame 'map'; ",
        "labels: taxonomy 'scannet', 20 classes, ids in field 'label' of the clouds",
        "weights 'that ship', voxels of 0.1 m",
    ):
        assert words in node.text
    node.stop()
