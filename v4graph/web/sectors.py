"""How sectors look: a family that has a colour on maps and charts, and a drawing. The word stands beside them."""

from __future__ import annotations

FAMILIES = ("mobility", "energy", "digital", "life", "manufacturing", "creative", "food", "other")
"""The families in the order of a legend; each has a colour ``--f-…`` in the style sheet."""

_LOOKS = {
    "mobility": (
        "automotive-aviation:car automotive:car automotive-components:car commercial-vehicles:truck "
        "electromobility:car aviation:plane logistics-mobility:truck logistics:truck transport:train-front "
        "maritime:ship space:satellite"
    ),
    "energy": (
        "energy-environment:leaf energy:zap batteries:zap energy-efficiency:zap heating:zap nuclear-energy:atom "
        "renewable-energy:zap biomass:sprout hydropower:droplets environment:leaf circular-economy:recycle "
        "environmental-technology:leaf waste-management:recycle recycling:recycle water-management:droplets"
    ),
    "digital": (
        "ict:cpu digital-services:cpu e-health:heart-pulse smart-cities:cpu software:code "
        "telecommunications:satellite electrical-electronics:circuit-board optics-photonics:eye mechatronics:cog "
        "automation:cog robotics:cog industry-4-0:factory games:play"
    ),
    "life": (
        "bio-based:dna biotechnology:dna hemp:sprout health:heart-pulse health-sciences:microscope "
        "health-tourism:heart-pulse life-sciences:dna medical-services:heart-pulse medical-technology:heart-pulse "
        "pharmaceuticals:flask-conical spas:droplets chemical:flask-conical green-chemistry:flask-conical"
    ),
    "manufacturing": (
        "production-technologies:cog machinery:cog agricultural-machinery:cog printing:printer tooling:wrench "
        "materials:gem composites:layers glass:gem metal:factory foundry:factory mining:drill natural-stone:mountain "
        "plastics:boxes packaging:package construction:building-2 energy-efficient-building:building-2 "
        "smart-buildings:building-2 windows:building-2 emerging:lightbulb high-technology:lightbulb "
        "nanotechnology:atom security:shield"
    ),
    "creative": (
        "creative:palette advertising:palette audiovisual:clapperboard crafts:hammer culture:palette design:pencil "
        "media:camera tourism:mountain hospitality:wine leisure:mountain rural-tourism:mountain textiles:shirt "
        "technical-textiles:shirt"
    ),
    "food": (
        "food:wheat agriculture:wheat horticulture:sprout veterinary:wheat beverages:wine functional-food:wheat "
        "meat:wheat organic-food:sprout regional-food:wheat forest:tree-pine wood:trees furniture:sofa"
    ),
    "other": (
        "education:graduation-cap multi-sector:layers professional-services:briefcase events:calendar "
        "foreign-trade:globe innovation-services:lightbulb regional-development:map social-economy:handshake"
    ),
}
_BY_SECTOR = {
    sector: (family, drawing)
    for family, pairs in _LOOKS.items()
    for sector, _, drawing in (pair.partition(":") for pair in pairs.split())
}


def family_of(sector: str) -> str:
    """The family of a sector, by its IRI or the end of it."""
    return _BY_SECTOR.get(sector.rpartition("/")[2], ("other", ""))[0]


def icon_of(sector: str) -> str:
    """The name of the drawing of a sector, by its IRI or the end of it."""
    return _BY_SECTOR.get(sector.rpartition("/")[2], ("", "tag"))[1]
