"""Species by any of their names, and ids without their versions."""

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl


class Species(NamedTuple):
    """One species."""

    name: str  # Short name, used in corpora
    latin: str  # Scientific name
    taxid: int  # NCBI taxonomy number, used in gene and homology files
    aliases: tuple[str, ...] = ()  # Genome assemblies and other names


# fmt: off
SPECIES = (
    Species("human", "Homo sapiens", 9606, ("hg18", "hg19", "hg38", "GRCh37", "GRCh38", "hs1", "T2T-CHM13")),
    Species("mouse", "Mus musculus", 10090, ("mm9", "mm10", "mm39", "GRCm38", "GRCm39")),
    Species("chicken", "Gallus gallus", 9031, ("galGal5", "galGal6", "GRCg6a", "GRCg7b", "bGalGal1")),
    Species("worm", "Caenorhabditis elegans", 6239, ("ce10", "ce11", "WBcel235", "nematode", "roundworm")),
    Species("chimpanzee", "Pan troglodytes", 9598, ("panTro5", "panTro6", "chimp", "Pan_tro_3.0")),
    Species("cow", "Bos taurus", 9913, ("bosTau8", "bosTau9", "ARS-UCD1.2", "ARS-UCD1.3", "cattle", "bovine")),
    Species("dog", "Canis lupus familiaris", 9615, ("canFam3", "canFam4", "canFam5", "canFam6",
                                                  "CanFam3.1", "ROS_Cfam_1.0", "Canis familiaris")),
    Species("fly", "Drosophila melanogaster", 7227, ("dm3", "dm6", "BDGP6", "drosophila", "fruit fly", "fruitfly")),
    Species("rat", "Rattus norvegicus", 10116, ("rn6", "rn7", "mRatBN7.2", "Rnor_6.0", "GRCr8")),
    Species("zebrafish", "Danio rerio", 7955, ("danRer10", "danRer11", "GRCz11")),
    Species("macaque", "Macaca mulatta", 9544, ("rheMac8", "rheMac10", "Mmul_10", "rhesus", "rhesus monkey")),
    Species("gorilla", "Gorilla gorilla gorilla", 9595, ("gorGor6", "Gorilla gorilla")),
    Species("orangutan", "Pongo abelii", 9601, ("ponAbe3",)),
    Species("marmoset", "Callithrix jacchus", 9483, ("calJac4",)),
    Species("pig", "Sus scrofa", 9823, ("susScr3", "susScr11", "Sscrofa11.1")),
    Species("sheep", "Ovis aries", 9940, ("oviAri4", "ARS-UI_Ramb_v2.0")),
    Species("goat", "Capra hircus", 9925, ("ARS1",)),
    Species("horse", "Equus caballus", 9796, ("equCab3", "EquCab3.0")),
    Species("cat", "Felis catus", 9685, ("felCat9",)),
    Species("rabbit", "Oryctolagus cuniculus", 9986, ("oryCun2", "OryCun2.0")),
    Species("guinea pig", "Cavia porcellus", 10141, ("cavPor3",)),
    Species("opossum", "Monodelphis domestica", 13616, ("monDom5",)),
    Species("frog", "Xenopus tropicalis", 8364, ("xenTro9", "xenTro10", "western clawed frog")),
    Species("african clawed frog", "Xenopus laevis", 8355, ("xenLae2",)),
    Species("medaka", "Oryzias latipes", 8090, ("oryLat2",)),
    Species("mosquito", "Anopheles gambiae", 7165, ("anoGam3", "AgamP4")),
    Species("honeybee", "Apis mellifera", 7460, ("apiMel4", "Amel_HAv3.1")),
    Species("arabidopsis", "Arabidopsis thaliana", 3702, ("TAIR10", "Araport11", "thale cress")),
    Species("rice", "Oryza sativa", 4530, ("IRGSP-1.0", "Oryza sativa Japonica")),
    Species("maize", "Zea mays", 4577, ("corn", "Zm-B73-REFERENCE-NAM-5.0")),
    Species("yeast", "Saccharomyces cerevisiae", 4932, ("sacCer3", "R64-1-1", "budding yeast", "baker's yeast")),
    Species("fission yeast", "Schizosaccharomyces pombe", 4896, ("ASM294v2",)),
)
# fmt: on


def find_species(name: str) -> Species | None:
    """Find a species by short name, Latin name (also ``C. elegans``, ``homo_sapiens``), alias or taxonomy number.

    Case, underscores and hyphens are ignored. None for a species that is not in :data:`SPECIES`.

    >>> find_species("C. elegans").name
    'worm'
    """
    return _BY_NAME.get(_normalize(name))


def taxid_of(name: str) -> int | None:
    """NCBI taxonomy number of a species, given by any name or as a number; None for an unknown name.

    >>> taxid_of("hg38"), taxid_of("9606"), taxid_of("axolotl")
    (9606, 9606, None)
    """
    species = find_species(name)
    if species is not None:
        return species.taxid
    number = name.strip()
    return int(number) if number.isascii() and number.isdigit() and int(number) > 0 else None


def unknown_name(name: str) -> str:
    """What to say of a name of a species that is not in :data:`SPECIES`; empty for one that is, and for a number.

    >>> unknown_name("hg38"), unknown_name("zebrafsh")
    ('', "'zebrafsh' is no name that isoclr knows and is kept as it is; did you mean zebrafish?")
    """
    if taxid_of(name) is not None:
        return ""
    hint = suggest(name, (species.name for species in SPECIES))
    hint = hint if hint.startswith(";") else ""
    return f"{name!r} is no name that isoclr knows and is kept as it is{hint}"


def _normalize(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _index() -> dict[str, Species]:
    names: dict[str, Species] = {}
    for species in SPECIES:
        genus, *rest = species.latin.split()
        short = f"{genus[0]}. {' '.join(rest)}"
        for name in (species.name, species.latin, short, str(species.taxid), *species.aliases):
            names.setdefault(_normalize(name), species)
    return names


_BY_NAME = _index()

# ENST00000456328.2_1 is the mapping 1 of version 2 to GRCh37, by GENCODE
_VERSIONED = (
    r"^(ENS[A-Z]*[EGT]\d{11}|MGP_\w+_[EGT]\d+|[NX][MR]_\d+|WBGene\d+|FBgn\d+)(?:\.\d+(?:_\d+)?)?(?:_PAR_Y(?:_\d+)?)?$"
)
_PATTERN = re.compile(_VERSIONED)


def without_version(name: str) -> str:
    """An id without its version; any other name unchanged.

    >>> without_version("ENSMUST00000020268.6"), without_version("NM_014028.3"), without_version("AT1G01010.1")
    ('ENSMUST00000020268', 'NM_014028', 'AT1G01010.1')
    """
    return _PATTERN.sub(r"\1", name)


def without_versions(names: "pl.Expr") -> "pl.Expr":
    """A column of ids without their versions."""
    return names.str.replace(_VERSIONED, "$1")


def suggest(name: str, names: Iterable[str]) -> str:
    """The names most like one that is not among them, as the end of an error message.

    >>> suggest("yal001c", ["YAL001C_mRNA", "YAL002W_mRNA"])
    '; did you mean YAL001C_mRNA?'
    """
    known = sorted({one for one in names if one})
    plain = without_version(name.upper()).lower()
    alike = [one for one in known if without_version(one).lower() == plain]
    alike = alike or [one for one in known if plain and one.lower().startswith(plain)][:3]
    alike = alike or difflib.get_close_matches(name, known, n=3, cutoff=0.75)
    if alike:
        return f"; did you mean {' or '.join(alike)}?"
    return f", such as {known[0]}" if known else ""
