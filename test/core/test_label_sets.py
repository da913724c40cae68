"""The label sets that ship, against the lists that their makers published."""

import os
from pathlib import Path

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.label_sets import shipped_names
from mtml_ros.core.resources import config_files
from mtml_ros.core.taxonomy import Taxonomy

NYU40 = """
wall, floor, cabinet, bed, chair, sofa, table, door, window, bookshelf, picture, counter,
blinds, desk, shelves, curtain, dresser, pillow, mirror, floor mat, clothes, ceiling, books,
refrigerator, television, paper, towel, shower curtain, box, whiteboard, person, night stand,
toilet, sink, lamp, bathtub, bag, otherstructure, otherfurniture, otherprop
"""

# name and id, in the order of VALID_CLASS_IDS_200
SCANNET200 = """
wall 1, chair 2, floor 3, table 4, door 5, couch 6, cabinet 7, shelf 8, desk 9, office chair 10,
bed 11, pillow 13, sink 14, picture 15, window 16, toilet 17, bookshelf 18, monitor 19, curtain
21, book 22, armchair 23, coffee table 24, box 26, refrigerator 27, lamp 28, kitchen cabinet 29,
towel 31, clothes 32, tv 33, nightstand 34, counter 35, dresser 36, stool 38, cushion 39, plant
40, ceiling 41, bathtub 42, end table 44, dining table 45, keyboard 46, bag 47, backpack 48,
toilet paper 49, printer 50, tv stand 51, whiteboard 52, blanket 54, shower curtain 55, trash
can 56, closet 57, stairs 58, microwave 59, stove 62, shoe 63, computer tower 64, bottle 65, bin
66, ottoman 67, bench 68, board 69, washing machine 70, mirror 71, copier 72, basket 73, sofa
chair 74, file cabinet 75, fan 76, laptop 77, shower 78, paper 79, person 80, paper towel
dispenser 82, oven 84, blinds 86, rack 87, plate 88, blackboard 89, piano 90, suitcase 93, rail
95, radiator 96, recycling bin 97, container 98, wardrobe 99, soap dispenser 100, telephone 101,
bucket 102, clock 103, stand 104, light 105, laundry basket 106, pipe 107, clothes dryer 110,
guitar 112, toilet paper holder 115, seat 116, speaker 118, column 120, bicycle 121, ladder 122,
bathroom stall 125, shower wall 128, cup 130, jacket 131, storage bin 132, coffee maker 134,
dishwasher 136, paper towel roll 138, machine 139, mat 140, windowsill 141, bar 145, toaster
148, bulletin board 154, ironing board 155, fireplace 156, soap dish 157, kitchen counter 159,
doorframe 161, toilet paper dispenser 163, mini fridge 165, fire extinguisher 166, ball 168, hat
169, shower curtain rod 170, water cooler 177, paper cutter 180, tray 185, shower door 188,
pillar 191, ledge 193, toaster oven 195, mouse 202, toilet seat cover dispenser 208, furniture
213, cart 214, storage container 221, scale 229, tissue box 230, light switch 232, crate 233,
power outlet 242, decoration 250, sign 261, projector 264, closet door 276, vacuum cleaner 283,
candle 286, plunger 300, stuffed animal 304, headphones 312, dish rack 323, broom 325, guitar
case 331, range hood 342, dustpan 356, hair dryer 370, water bottle 392, handicap bar 395, purse
399, vent 408, shower floor 417, water pitcher 488, mailbox 540, bowl 562, paper bag 570, alarm
clock 572, music stand 581, projector screen 609, divider 748, laundry detergent 776, bathroom
counter 1156, object 1163, bathroom vanity 1164, closet wall 1165, laundry hamper 1166, bathroom
stall door 1167, ceiling light 1168, trash bin 1169, dumbbell 1170, stair rail 1171, tube 1172,
bathroom cabinet 1173, cd case 1174, closet rod 1175, coffee kettle 1176, structure 1178, shower
head 1179, keyboard piano 1180, case of water bottles 1181, coat rack 1182, storage organizer
1183, folded chair 1184, fire alarm 1185, power strip 1186, calendar 1187, poster 1188, potted
plant 1189, luggage 1190, mattress 1191
"""

# objectInfo150: each class's names with ";" for every gap, as its CSV has them (the first few)
ADE20K = """
wall, building;edifice, sky, floor;flooring, tree, ceiling, road;route, bed, windowpane;window,
grass, cabinet, sidewalk;pavement, person;individual;someone, earth;ground, door;double;door,
table, mountain;mount, plant;flora;plant;life, curtain;drape;drapery, chair,
car;auto;automobile, water, painting;picture, sofa;couch;lounge, shelf, house, sea, mirror,
rug;carpet;carpeting, field, armchair, seat, fence;fencing, desk, rock;stone,
wardrobe;closet;press, lamp, bathtub;bathing;tub, railing;rail, cushion, base;pedestal;stand,
box, column;pillar, signboard;sign, chest;of;drawers;chest;bureau;dresser, counter, sand, sink,
skyscraper, fireplace;hearth, refrigerator;icebox, grandstand;covered;stand, path, stairs;steps,
runway, case;display;case, pool;table;billiard;table, pillow, screen;door;screen,
stairway;staircase, river, bridge;span, bookcase, blind;screen, coffee;table;cocktail;table,
toilet;can;commode, flower, book, hill, bench, countertop, stove;kitchen;stove, palm;palm;tree,
kitchen;island, computer;computing;machine, swivel;chair, boat, bar, arcade;machine,
hovel;hut;hutch, bus;autobus;coach, towel, light;light;source, truck;motortruck, tower,
chandelier;pendant, awning;sunshade, streetlight;street;lamp, booth;cubicle;stall,
television;television;receiver, airplane;aeroplane;plane, dirt;track, apparel;wearing;apparel,
pole, land;ground;soil, bannister;banister, escalator;moving;staircase, ottoman;pouf;pouffe,
bottle, buffet;counter;sideboard, poster;posting;placard, stage, van, ship, fountain,
conveyer;belt;conveyor, canopy, washer;automatic;washer, plaything;toy, swimming;pool, stool,
barrel;cask, basket;handbasket, waterfall;falls, tent;collapsible;shelter, bag,
minibike;motorbike, cradle, oven, ball, food;solid;food, step;stair, tank;storage;tank,
trade;name;brand;name, microwave;microwave;oven, pot;flowerpot, animal;animate;being,
bicycle;bike, lake, dishwasher;dish;washer, screen;silver;screen, blanket;cover, sculpture,
hood;exhaust;hood, sconce, vase, traffic;light, tray, ashcan;trash;can, fan, pier;wharf,
crt;screen, plate, monitor;monitoring;device, bulletin;board, shower, radiator,
glass;drinking;glass, clock, flag
"""

# the 80 things in the order that detectors count them; their ids are 1 to 90 without these
COCO_THINGS = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear,
zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports
ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine
glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot
dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
vase, scissors, teddy bear, hair drier, toothbrush
"""
COCO_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
COCO_STUFF = """
banner 92, blanket 93, bridge 95, cardboard 100, counter 107, curtain 109, door-stuff 112,
floor-wood 118, flower 119, fruit 122, gravel 125, house 128, light 130, mirror-stuff 133, net
138, pillow 141, platform 144, playingfield 145, railroad 147, river 148, road 149, roof 151,
sand 154, sea 155, shelf 156, snow 159, stairs 161, tent 166, towel 168, wall-brick 171,
wall-stone 175, wall-tile 176, wall-wood 177, water-other 178, window-blind 180, window-other
181, tree-merged 184, fence-merged 185, ceiling-merged 186, sky-other-merged 187, cabinet-merged
188, table-merged 189, floor-other-merged 190, pavement-merged 191, mountain-merged 192,
grass-merged 193, dirt-merged 194, paper-merged 195, food-other-merged 196,
building-other-merged 197, rock-merged 198, wall-other-merged 199, rug-merged 200
"""

# in the order of the training ids
CITYSCAPES = """
road, sidewalk, building, wall, fence, pole, traffic light, traffic sign, vegetation, terrain,
sky, person, rider, car, truck, bus, train, motorcycle, bicycle
"""
CITYSCAPES_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]

SEMANTICKITTI = """
outlier 1, car 10, bicycle 11, bus 13, motorcycle 15, on-rails 16, truck 18, other-vehicle 20,
person 30, bicyclist 31, motorcyclist 32, road 40, parking 44, sidewalk 48, other-ground 49,
building 50, fence 51, other-structure 52, lane-marking 60, vegetation 70, trunk 71, terrain 72,
pole 80, traffic-sign 81, other-object 99, moving-car 252, moving-bicyclist 253, moving-person
254, moving-motorcyclist 255, moving-on-rails 256, moving-bus 257, moving-truck 258,
moving-other-vehicle 259
"""


def split(text: str) -> list[str]:
    return " ".join(text.split()).split(", ")


def with_ids(text: str) -> dict[str, int]:
    pairs = (entry.rsplit(" ", 1) for entry in split(text))
    return {name: int(id_) for name, id_ in pairs}


def shipped(name: str) -> dict[str, int]:
    taxonomy = Taxonomy.load(name)
    return dict(zip(taxonomy.names[1:], taxonomy.ids[1:].tolist()))


def test_nyu40_is_the_published_list() -> None:
    assert shipped("nyu40") == {name: i + 1 for i, name in enumerate(split(NYU40))}


def test_scannets_20_are_among_nyu40_with_the_same_ids() -> None:
    assert shipped("scannet").items() <= shipped("nyu40").items()
    assert len(shipped("scannet")) == 20


def test_scannet200_is_the_published_list() -> None:
    published = with_ids(SCANNET200)
    assert len(published) == 200
    assert shipped("scannet200") == published
    assert list(shipped("scannet200")) == list(published)


def test_ade20k_is_the_published_list() -> None:
    published = [names.replace(";", " ") for names in split(ADE20K)]
    found = shipped("ade20k")
    assert list(found.values()) == list(range(1, 151))
    for name, names in zip(found, published, strict=True):
        assert names.startswith((name, f"television {name}"))


def test_coco_is_the_published_list_and_counts_through_as_detectors_do() -> None:
    ids = [i for i in range(1, 91) if i not in COCO_GAPS]
    things = dict(zip(split(COCO_THINGS), ids, strict=True))
    assert shipped("coco") == things | with_ids(COCO_STUFF)
    from_0 = Taxonomy.load("coco_from_0")
    assert from_0.names[1:81] == tuple(split(COCO_THINGS))
    assert from_0.ids[1:].tolist() == list(range(133))


def test_cityscapes_has_its_ids_and_from_0_its_training_ids() -> None:
    names = split(CITYSCAPES)
    assert shipped("cityscapes") == dict(zip(names, CITYSCAPES_IDS, strict=True))
    assert shipped("cityscapes_from_0") == {name: i for i, name in enumerate(names)}


def test_semantickitti_is_the_published_list() -> None:
    assert shipped("semantickitti") == with_ids(SEMANTICKITTI)


@pytest.mark.parametrize(
    "name", sorted(set(shipped_names()) - {"toy"})
)  # which has weights of its own
def test_each_set_leads_onto_classes_that_the_weights_know(name: str) -> None:
    channels = Taxonomy.load(name).network_channels(Taxonomy.scannet().names[1:])
    assert (channels > 0).any()
    assert Taxonomy.load(name).is_thing.any()


def test_each_file_names_its_source() -> None:
    files = config_files("taxonomies", ".yaml")
    assert len(files) == 6
    for path in files:
        assert "# Source: " in path.read_text(encoding="utf-8")


def test_from_0_keeps_unknown_apart_from_the_first_class() -> None:
    taxonomy = Taxonomy.load("ade20k_from_0")
    assert taxonomy.encode(np.array([0, 149, 150, 255])).tolist() == [1, 150, 0, 0]
    assert taxonomy.ids[0] == 65535


def test_a_name_that_is_none_lists_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no taxonomy 'ade'.*ade20k, cityscapes, coco"):
        Taxonomy.load("ade")


@pytest.mark.timeout(20)
def test_a_pipe_or_a_device_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match="no regular file"):
            Taxonomy.load(path)
