"""Names of COCO's 80 classes in their order, and a colour for each, as clients find them in SoyNet's module."""

from __future__ import annotations

import colorsys
import re

COCO = """\
person, bicycle, car, motorbike, aeroplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking
meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie,
suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis
racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot
dog, pizza, donut, cake, chair, sofa, pottedplant, bed, diningtable, toilet, tvmonitor, laptop, mouse, remote,
keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair
drier, toothbrush"""
coco_label = re.split(r",\s+", COCO)

# Three bytes a class. Hues a golden ratio apart, so that neighbours in the list never look alike.
colors = [int(255 * c) for i in range(len(coco_label)) for c in colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.9, 1.0)]
