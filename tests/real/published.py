"""Numbers that were published for real checkpoints, with where and how they are measured."""

from kinds import Accuracy, Checkpoint, Cosines, Number, Scores

# openai/CLIP (clip/clip.py, _MODELS): the address of each file names its SHA-256.
_OPENAI = {
    "RN50": "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    "ViT-B-32": "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
}


def _openai(name: str) -> Checkpoint:
    return Checkpoint(f"openai {name}", "openai clip", (f"{name}.pt",), _OPENAI[name])


def _hf(repository: str, family: str, model_type: str) -> Checkpoint:
    return Checkpoint(repository, family, (repository.split("/")[1],), model_type=model_type)


_COCO = ("000000039769.jpg", "000000039769.png")  # COCO val2017, two cats on a sofa
_CATS = ("a photo of a cat", "a photo of a dog")
_CIFAR_100 = tuple(
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch "
    "crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo "
    "keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse "
    "mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy "
    "porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television "
    "tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm".split()
)


def _single_pictures() -> list[Number]:
    return [
        Number(
            _openai("ViT-B-32"),
            "probabilities of CLIP.png",
            (0.9927937, 0.00421068, 0.00299572),
            "openai/CLIP README.md, Usage (d05afc4)",
            Scores(("CLIP.png",), ("a diagram", "a dog", "a cat")),
            absolute=1e-4,  # published in f32; towers agree within 1e-5, times the scale of 100
        ),
        Number(
            _openai("ViT-B-32"),
            "top five of CIFAR-100 test picture 3637",
            (0.6531, 0.1229, 0.0383, 0.0188, 0.0175),
            "openai/CLIP README.md, Zero-Shot Prediction (d05afc4)",
            Scores(
                ("cifar100-3637.png",),
                _CIFAR_100,
                "a photo of a {}",
                compared=("snake", "turtle", "sweet_pepper", "lizard", "crocodile"),
            ),
            absolute=5e-3,  # published from half-precision towers
        ),
        Number(
            _hf("openai/clip-vit-base-patch32", "hf clip", "clip"),
            "logits of COCO 39769",
            (24.5701, 19.3049),
            "huggingface/transformers tests/models/clip/test_modeling_clip.py, test_inference",
            Scores(_COCO, _CATS, field="logit"),
            absolute=1e-3,  # both tolerances are that test's own, here and below
            relative=1e-3,
        ),
        Number(
            _hf("google/siglip-base-patch16-224", "siglip", "siglip"),
            "logits of COCO 39769",
            (-0.7567, -10.3354),
            "huggingface/transformers tests/models/siglip/test_modeling_siglip.py, test_inference",
            Scores(_COCO, ("a photo of 2 cats", "a photo of 2 dogs"), field="logit"),
            absolute=1e-3,
            relative=1e-3,
        ),
        *(
            Number(
                _hf(f"nvidia/groupvit-gcc-{data}", "groupvit", "groupvit"),
                "logits of COCO 39769",
                expected,
                "huggingface/transformers src/transformers/models/groupvit/"
                "convert_groupvit_nvlab_to_hf.py",
                Scores(_COCO, _CATS, field="logit"),
                absolute=1e-3,
            )
            for data, expected in (("yfcc", (13.3523, 6.3629)), ("redcaps", (16.1873, 8.6230)))
        ),
        Number(
            Checkpoint("Chinese-CLIP ViT-B/16", "chinese_clip", ("clip_cn_vit-b-16.pt",)),
            "probabilities of pokemon.jpeg",
            (1.268734e-03, 5.436878e-02, 6.795761e-04, 9.436829e-01),
            "OFA-Sys/Chinese-CLIP README.md and deployment_En.md (31863c7)",
            Scores(("pokemon.jpeg",), ("杰尼龟", "妙蛙种子", "小火龙", "皮卡丘")),
            absolute=1e-4,  # the hub's copy of the same model differs by 1.3e-4 (transformers docs)
        ),
    ]


def _embeddings() -> list[Number]:
    readme = "99991/NPCLIP data/ (28bbf32), of the picture and texts of openai/CLIP's README"
    retrieval = "rom1504/clip-retrieval tests/test_clip_inference/test_embeddings (b055335)"
    texts = ("a diagram", "a dog", "a cat")
    photos = ("123_456", "208_495", "321_421", "389_535", "416_264", "456_123", "524_316")
    goldens = "tests/golden/clip-readme"
    return [
        Number(
            _openai("ViT-B-32"),
            "cosine with the published embedding of CLIP.png",
            (1.0,),
            readme,
            Cosines(f"{goldens}/image_features.npy", pictures=("CLIP.png",)),
            absolute=1e-5,  # both in f32
        ),
        Number(
            _openai("ViT-B-32"),
            "cosines with the published embeddings of its texts",
            (1.0, 1.0, 1.0),
            readme,
            Cosines(f"{goldens}/text_features.npy", texts=texts),
            absolute=1e-5,
        ),
        *(
            Number(
                _openai("ViT-B-32"),
                f"cosine with the published embedding of {photo}.jpg",
                (1.0,),
                retrieval,
                Cosines(f"{photo}.vitb32.npy", pictures=(f"{photo}.jpg",)),
                absolute=1e-3,  # published from half-precision towers, in f16
            )
            for photo in photos
        ),
    ]


# The eleven data sets of CoOp with its hand-written prompts (trainers/zsclip.py); zero-shot RN50 as
# Tip-Adapter logs it.  Folders hold the test split, one folder a class, named as CoOp names it.
_IMAGENET_PROMPTS = (  # CoOp trainers/imagenet_templates.py, the seven selected ones
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
_ELEVEN = {
    "imagenet": (60.32, *_IMAGENET_PROMPTS),
    "sun397": (58.52, "a photo of a {}."),
    "oxford_pets": (85.83, "a photo of a {}, a type of pet."),
    "eurosat": (37.52, "a centered satellite photo of {}."),
    "caltech101": (85.92, "a photo of a {}."),
    "dtd": (42.20, "{} texture."),
    "fgvc": (17.10, "a photo of a {}, a type of aircraft."),
    "food101": (77.32, "a photo of {}, a type of food."),
    "oxford_flowers": (66.02, "a photo of a {}, a type of flower."),
    "ucf101": (61.35, "a photo of a person doing {}."),
    "stanford_cars": (55.74, "a photo of a {}."),
}


def _zero_shot_rn50() -> list[Number]:
    return [
        Number(
            _openai("RN50"),
            f"zero-shot top-1 %, {name}",
            (accuracy,),
            "gaopengcuhk/Tip-Adapter exp.log (d0e2d6f)",
            Accuracy(name, tuple(prompts)),
            absolute=0.1,  # its author's figure for the spread between devices (issue 4)
        )
        for name, (accuracy, *prompts) in _ELEVEN.items()
    ]


_TIP_16_SHOTS = {  # training free, fine-tuned; CLIP-Adapter
    "imagenet": (62.01, 65.51, 63.59),
    "sun397": (66.85, 71.47, 69.55),
    "oxford_pets": (88.14, 89.70, 87.84),
    "eurosat": (70.54, 84.54, 84.43),
    "caltech101": (90.18, 92.86, 92.49),
    "dtd": (60.93, 66.55, 65.96),
    "fgvc": (29.76, 35.55, 32.10),
    "food101": (77.83, 79.43, 78.25),
    "oxford_flowers": (89.89, 94.80, 93.90),
    "ucf101": (70.58, 78.03, 76.76),
    "stanford_cars": (66.77, 75.74, 74.01),
}


def _adapters() -> list[Number]:
    source = "gaopengcuhk/Tip-Adapter exp.log (d0e2d6f)"
    numbers = []
    for name, (tip, tuned, adapter) in _TIP_16_SHOTS.items():
        for method, family, file, value in (
            ("Tip-Adapter", "tip_adapter", "keys_16shots.pt", tip),
            ("Tip-Adapter-F", "tip_adapter", "best_F_16shots.pt", tuned),
            ("CLIP-Adapter", "clip_adapter", "model-best.pth.tar", adapter),
        ):
            checkpoint = Checkpoint(f"{method} RN50 {name}", family, (f"{name}/{file}",))
            what = f"16-shot top-1 %, {name}"
            numbers.append(Number(checkpoint, what, (value,), source, absolute=0.3))
    return numbers


def _later(family: str, name: str, what: str, expected: tuple[float, ...], source: str) -> Number:
    """A number whose family and measurement are both still to come."""
    return Number(Checkpoint(name, family, ()), what, expected, source)


def _prompts() -> list[Number]:
    maple = "muzairkhattak/multimodal-prompt-learning README.md (69bce21)"
    three = "base, new, harmonic mean % over eleven data sets"
    return [
        _later("coop", "CoOp RN50 M=16 end", "Caltech101 16-shot top-1 %", (92.00,),
               "KaiyangZhou/CoOp COOP.md (ff61507)"),
        _later("coop", "CoOp ViT-B/16", three, (82.69, 63.22, 71.66), maple),
        _later("cocoop", "CoCoOp ViT-B/16", three, (80.47, 71.69, 75.83), maple),
        _later("maple", "MaPLe ViT-B/16", three, (82.28, 75.14, 78.55), maple),
        _later("ivlp", "independent V-L prompting ViT-B/16", three, (82.15, 74.07, 77.90), maple),
        _later("vpt", "deep vision prompting ViT-B/16", three, (80.24, 73.43, 76.68), maple),
    ]  # fmt: skip


def _other_towers() -> list[Number]:
    slip = "facebookresearch/SLIP README.md (c6faf5d)"
    chinese = "OFA-Sys/Chinese-CLIP Results.md (31863c7)"
    rows = [
        _later("slip", f"SLIP ViT-{size}", "ImageNet zero-shot %, 25, 50, 100 epochs", values, slip)
        for size, values in (
            ("S", (38.3, 39.3, 39.5)),
            ("B", (42.8, 44.1, 45.0)),
            ("L", (46.2, 47.4, 47.9)),
        )
    ]
    for model, values in (
        ("RN50", (33.5, 72.7, 40.6, 42.6)),
        ("ViT-B/16", (48.3, 92.0, 64.4, 52.1)),
        ("ViT-L/14", (54.7, 94.9, 75.1, 56.3)),
        ("ViT-L/14@336", (56.7, 94.1, 73.5, 59.0)),
        ("ViT-H/14", (59.6, 96.0, 79.7, 63.0)),
    ):
        what = "zero-shot % ImageNet (zh), CIFAR-10, CIFAR-100; MUGE R@1"
        rows.append(_later("chinese_clip", f"Chinese-CLIP {model}", what, values, chinese))
    return rows


def _dense_and_detection() -> list[Number]:
    groupvit = "NVlabs/GroupViT README.md (13b7861)"
    lseg = "isl-org/lang-seg README.md (bb00b21)"
    vild = "tensorflow/tpu models/official/detection/projects/vild README.md (7dc921f)"
    glip = "microsoft/GLIP README.md (9dda955)"
    four = "ImageNet zero-shot %; mIoU VOC, Context, COCO"
    rows = [
        _later("groupvit", "GroupViT gcc-yfcc", four, (43.7, 52.3, 22.4, 24.3), groupvit),
        _later("groupvit", "GroupViT gcc-redcaps", four, (51.6, 50.8, 23.7, 27.5), groupvit),
        _later("lseg", "LSeg RN101", "PASCAL-5i mIoU, four folds", (52.8, 53.8, 44.4, 38.5), lseg),
        _later("lseg", "LSeg RN101", "COCO-20i mIoU, four folds", (22.1, 25.1, 24.9, 21.5), lseg),
        _later("lseg", "LSeg RN101", "FSS-1000 mIoU", (84.7,), lseg),
        _later("lseg", "LSeg ViT-L/16", "FSS-1000 mIoU", (87.8,), lseg),
        _later("vild", "ViLD R50", "LVIS mask APr, APc, APf, AP", (16.6, 19.8, 28.2, 22.5), vild),
        _later("vild", "ViLD ensemble R50", "LVIS mask APr, APc, APf, AP",
               (18.0, 24.7, 30.6, 25.9), vild),
        _later("vild", "ViLD R152", "LVIS mask APr, APc, APf, AP", (19.6, 21.6, 28.5, 24.0), vild),
        _later("vild", "ViLD ensemble R152", "LVIS mask APr, APc, APf, AP",
               (19.2, 24.8, 30.8, 26.2), vild),
        _later("vild", "DetPro's ViLD*", "LVIS box APr, APc, APf, AP", (17.4, 27.5, 31.9, 27.5),
               "dyabel/detpro README.md (9a14699)"),
    ]  # fmt: skip
    for model, value in (
        ("GLIP-T (A)", 42.9),
        ("GLIP-T (B)", 44.9),
        ("GLIP-T (C)", 46.7),
        ("GLIP-T", 46.6),
        ("GLIP-L", 51.4),
    ):
        rows.append(_later("glip", model, "COCO zero-shot AP", (value,), glip))
    return rows


def _video_audio_points() -> list[Number]:
    action = "sallymmx/ActionCLIP README.md (31c34df)"
    points = "yangyangyang127/PointCLIP_V2 README.md (0b5aee8)"
    return [
        _later("audioclip", "AudioCLIP", "zero-shot % ESC-50, UrbanSound8K", (69.40, 68.78),
               "AndreyGuzhov/AudioCLIP README.md (45327aa)"),
        _later("audioclip", "AudioCLIP fine-tuned", "ESC-50, UrbanSound8K %", (97.15, 90.07),
               "AndreyGuzhov/AudioCLIP README.md (45327aa)"),
        _later("clip4clip", "CLIP4Clip ViT-B/32 meanP", "MSR-VTT 9k text to video R@1, 5, 10",
               (43.1, 69.4, 78.9), "open-mmlab/mmaction2 configs/retrieval/clip4clip README.md"),
        _later("actionclip", "ActionCLIP ViT-B/32 8f", "Kinetics-400 top-1, top-5 %",
               (78.36, 94.25), action),
        _later("actionclip", "ActionCLIP ViT-B/16 8f", "Kinetics-400 top-1, top-5 %",
               (81.09, 95.49), action),
        _later("actionclip", "ActionCLIP ViT-B/16 32f", "Kinetics-400 top-1, top-5 %",
               (82.32, 96.20), action),
        _later("pointclip", "PointCLIP RN101 16-shot", "ModelNet40 %", (86.71,),
               "ZrrSkywalker/PointCLIP README.md (8656f2c)"),
        _later("pointclip_v2", "PointCLIP V2 RN50, RN101, ViT-B/32, ViT-B/16",
               "ModelNet40 zero-shot %", (39.38, 46.31, 55.14, 64.26), points),
        _later("pointclip_v2", "PointCLIP V2 RN50, RN101, ViT-B/32, ViT-B/16",
               "ScanObjectNN zero-shot %", (35.32, 29.84, 36.36, 35.66), points),
    ]  # fmt: skip


PUBLISHED = [
    *_single_pictures(),
    *_embeddings(),
    *_zero_shot_rn50(),
    *_adapters(),
    *_prompts(),
    *_other_towers(),
    *_dense_and_detection(),
    *_video_audio_points(),
]
