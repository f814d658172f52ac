"""Captions for the ten CIFAR-10 classes: templates times words, so that kitten means cat."""

import random

CLASSES = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
]  # fmt: skip

# The first word of each class is its plain name; the others are drawn less often.
WORDS = {
    "airplane": ["airplane", "plane", "aeroplane", "jet", "airliner", "aircraft"],
    "automobile": ["automobile", "car", "sedan", "motorcar", "hatchback", "sports car"],
    "bird": ["bird", "songbird", "wild bird", "little bird", "ostrich"],
    "cat": ["cat", "kitten", "kitty", "tabby", "house cat", "tomcat"],
    "deer": ["deer", "stag", "doe", "fawn", "buck", "elk"],
    "dog": ["dog", "puppy", "hound", "doggy", "terrier", "lapdog"],
    "frog": ["frog", "toad", "bullfrog", "tree frog", "amphibian"],
    "horse": ["horse", "pony", "mare", "stallion", "foal", "horse and rider"],
    "ship": ["ship", "boat", "vessel", "ocean liner", "cargo ship", "motorboat"],
    "truck": ["truck", "lorry", "pickup truck", "fire truck", "semi truck", "delivery truck"],
}

TEMPLATES = [
    "{}",
    "a {}",
    "the {}",
    "a photo of a {}.",
    "a photo of the {}.",
    "a picture of a {}.",
    "an image of a {}.",
    "a small photo of a {}.",
    "a blurry photo of a {}.",
    "a low resolution photo of a {}.",
    "a close-up photo of a {}.",
    "a good photo of a {}.",
    "a photo of one {}.",
    "a photo of my {}.",
    "a cropped photo of a {}.",
    "this is a {}.",
    "there is a {} in the picture.",
    "a {} outdoors.",
]


def _fix_article(text: str) -> str:
    words = text.split(" ")
    for i in range(len(words) - 1):
        if words[i] == "a" and words[i + 1][0] in "aeiou":
            words[i] = "an"
    return " ".join(words)


def draw(label: int, rng: random.Random) -> str:
    """One caption of class `label`: its plain name two times of five, else any of its words."""
    words = WORDS[CLASSES[label]]
    word = words[0] if rng.random() < 0.4 else rng.choice(words)
    return _fix_article(rng.choice(TEMPLATES).format(word))


def every(label: int) -> list[str]:
    """All captions of class `label`."""
    return [_fix_article(t.format(w)) for t in TEMPLATES for w in WORDS[CLASSES[label]]]
