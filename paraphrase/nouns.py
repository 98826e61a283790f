"""Word lists behind grammar.py: how the class names of vision datasets behave as English nouns.

Everything is keyed in lower case. Words that follow the regular rules are not listed.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip

# Nouns without a plural; a compound follows its last word ("toilet paper").
MASS = _words(
    """
    air apparel art asparagus asphalt bacon bamboo beef beer bread broccoli butter cabbage cardboard
    cauliflower celery champagne cheese chinaware chocolate clay cloth clothing concrete coral corn
    cotton cream crockery cutlery debris dirt dust earth equipment fabric fire flesh flora foam fog
    foliage food footwear fruit fur furniture garbage garlic ginger glassware graffiti grass gravel
    greenery ground hair ham hardware hay honey ice ivy jam jewelry juice ketchup land leather lettuce
    liquid litter luggage machinery mail marble material mayonnaise meat merchandise metal milk mist
    money moss mud mustard nature paint paper parsley pasta pavement plastic pork pottery produce rain
    rice rope rubber rubbish rust salad salt sand sauce scenery sea seaweed seafood shrubbery signage
    silk silverware sky slush smoke snow soil soup spinach steam steel stone straw stuff sugar sunlight
    tape tarmac terrain text textile toast tofu traffic trash underwear vegetation vinegar wallpaper
    waste water wildlife wine wood wool yarn yogurt
    """
)

# Nouns used only in the plural. Labels given in the plural ("clouds", "leaves") are told by their ending.
PAIRS = _words(
    """
    binoculars chopsticks earphones eyeglasses flip-flops forceps goggles headphones jeans leggings
    nunchucks overalls pajamas pants pliers scissors shears shorts skis slacks spectacles sunglasses
    tights tongs trousers tweezers
    """
)
PLURAL_ONLY = PAIRS | _words("cattle clothes police")

# Single words that look like plurals and are not.
SINGULAR_IN_S = _words("lens news pyrenees series species")

# Surfaces seen as one area: "the floor" is right however many labelled pieces there are.
SURFACES = _words("beach ceiling field floor lake pavement railroad river road runway sidewalk")

IRREGULAR_PLURALS = {
    "aircraft": "aircraft",
    "bison": "bison",
    "buffalo": "buffalo",
    "cactus": "cacti",
    "calf": "calves",
    "child": "children",
    "deer": "deer",
    "die": "dice",
    "elf": "elves",
    "goose": "geese",
    "half": "halves",
    "louse": "lice",
    "moose": "moose",
    "ox": "oxen",
    "pyrenees": "pyrenees",
    "quiz": "quizzes",
    "salmon": "salmon",
    "scarf": "scarves",
    "series": "series",
    "sheep": "sheep",
    "shrimp": "shrimp",
    "species": "species",
    "squid": "squid",
    "stomach": "stomachs",
    "thief": "thieves",
    "trout": "trout",
    "wife": "wives",
    "wolf": "wolves",
}
# These hold for compounds written as one word too: "bookshelf", "goldfish", "fireman".
IRREGULAR_ENDINGS = {
    "craft": "craft",
    "fish": "fish",
    "foot": "feet",
    "hoof": "hooves",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "shelf": "shelves",
    "tooth": "teeth",
}
REGULAR_DESPITE_ENDING = _words("caiman craft german human norman ottoman roman shaman talisman")
PLURAL_IN_OES = _words("domino echo hero mango mosquito potato tomato torpedo volcano")

# Spelling of names and abbreviations.
PROPER_NAMES = (
    "British Shorthair", "Egyptian Mau", "Ferris wheel", "Great Dane", "Great Pyrenees",
    "Japanese Chin", "Maine Coon", "Russian Blue", "Saint Bernard", "Shiba Inu", "Abyssinian",
    "Alsatian", "American", "Asian", "Bengal", "Bible", "Birman", "Bombay", "Boston", "British",
    "Chihuahua", "Chinese", "Christmas", "Dalmatian", "Egyptian", "English", "European", "French",
    "German", "Greek", "Havanese", "Indian", "Irish", "Italian", "Japanese", "Labrador", "Lego",
    "Leonberger", "Newfoundland", "Norwegian", "Persian", "Pomeranian", "Ragdoll", "Roman",
    "Rottweiler", "Russian", "Samoyed", "Scottish", "Siamese", "Siberian", "Sphynx", "Staffordshire",
    "Swiss", "Tibetan", "Turkish", "Venetian", "Yorkshire", "ATM", "CCTV", "CD", "CRT", "DVD", "HDTV",
    "LCD", "LED", "PC", "RV", "SUV", "TV", "UFO", "USB",
)  # fmt: skip

# A dataset's name -> the words people use. Looked up after underscores, case and synonyms are settled.
ALIASES = {
    # Pascal VOC
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "pottedplant": "potted plant",
    "tvmonitor": "TV monitor",
    # COCO and COCO-Stuff
    "eye glasses": "eyeglasses",
    "hair brush": "hairbrush",
    "hair drier": "hair dryer",
    "remote": "remote control",
    "playingfield": "playing field",
    "waterdrops": "water drops",
    "solid": "solid material",
    "structural": "structure",
    "textile": "fabric",
    # Cityscapes
    "parking": "parking area",
    "polegroup": "group of poles",
    "cargroup": "group of cars",
    "truckgroup": "group of trucks",
    "persongroup": "group of people",
    "ridergroup": "group of riders",
    "bicyclegroup": "group of bicycles",
    "motorcyclegroup": "group of motorcycles",
    "static": "static object",
    "dynamic": "movable object",
    # ADE20K
    "apparel": "clothing",
    "ashcan": "trash can",
    "bannister": "banister",
    "conveyer belt": "conveyor belt",
    "minibike": "motorbike",
    "plaything": "toy",
    "windowpane": "window",
    # Oxford-IIIT Pet: cats named by an adjective, dogs whose name means something else too
    "abyssinian": "Abyssinian cat",
    "bengal": "Bengal cat",
    "birman": "Birman cat",
    "bombay": "Bombay cat",
    "boxer": "boxer dog",
    "german shorthaired": "German shorthaired pointer",
    "havanese": "Havanese dog",
    "newfoundland": "Newfoundland dog",
    "persian": "Persian cat",
    "ragdoll": "Ragdoll cat",
    "siamese": "Siamese cat",
    "sphynx": "Sphynx cat",
}

# Lists of synonyms (ADE20K) whose first word misleads or is rare, keyed by their first two entries.
SYNONYM_CHOICES: dict[tuple[str, ...], str] = {
    ("base", "pedestal"): "pedestal",
    ("blind", "screen"): "window blind",
    ("buffet", "counter"): "sideboard",
    ("case", "display case"): "display case",
    ("earth", "ground"): "ground",
    ("glass", "drinking glass"): "drinking glass",
    ("hood", "exhaust hood"): "exhaust hood",
    ("hovel", "hut"): "hut",
    ("palm", "palm tree"): "palm tree",
    ("pot", "flowerpot"): "flowerpot",
    ("screen", "silver screen"): "projection screen",
    ("signboard", "sign"): "sign",
    ("tank", "storage tank"): "storage tank",
    ("trade name", "brand name"): "brand name",
    ("washer", "automatic washer"): "washing machine",
}

# COCO-Stuff writes "wall-brick": the head first, then what it is made of.
STUFF_HEADS = frozenset({"ceiling", "floor", "wall"})
STUFF_MATERIALS = {"panel": "paneled", "tile": "tiled", "wood": "wooden"}
STUFF_SUFFIXES = ("-merged", "-other", "-stuff")
