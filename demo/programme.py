"""What is on at the demo's venues. Every venue, performer and performance is invented."""

from dataclasses import dataclass, field
from datetime import time

from box_office.seat_maps import NewVenue
from models import EventState


@dataclass(frozen=True, slots=True)
class House:
    """A venue with its plan, what stands there, and what its seats cost."""

    venue: NewVenue
    #: File in demo/plans/.
    plan: str
    currency_code: str
    #: By category; every event of the house may ask its own.
    prices: dict[str, str]
    general_admission: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """An event of the programme, on a day counted from the day of seeding."""

    house: House
    title: str
    type_name: str
    description: str
    performers: tuple[str, ...]
    days: int
    at: time = time(19, 30)
    hours: float = 2.5
    state: EventState = EventState.PUBLISHED
    #: Sales open so many days from now; None: they are open.
    sales_open_in_days: int | None = None
    seats_per_buyer_max: int = 10
    #: What the box office has sold already, of a hundred seats.
    sold_percent: int = 0
    blocked_seats: int = 0
    prices: dict[str, str] | None = None


LANTERN = House(
    NewVenue(
        name="The Lantern Theatre",
        address="14 Lamplighter's Row",
        city="Edinburgh",
        country_code="GB",
        time_zone="Europe/London",
    ),
    plan="theatre",
    currency_code="GBP",
    prices={"Premium": "68.00", "Stalls": "45.00", "Balcony": "32.50", "Upper balcony": "19.00"},
)
LUCIOLES = House(
    NewVenue(
        name="Théâtre des Lucioles",
        address="3 quai des Étoiles",
        city="Lyon",
        country_code="FR",
        time_zone="Europe/Paris",
    ),
    plan="theatre",
    currency_code="EUR",
    prices={"Premium": "72.00", "Stalls": "48.50", "Balcony": "35.00", "Upper balcony": "18.00"},
)
AURORA = House(
    NewVenue(
        name="Aurora Arena",
        address="Nordlichtallee 1",
        city="Hamburg",
        country_code="DE",
        time_zone="Europe/Berlin",
    ),
    plan="arena",
    currency_code="EUR",
    prices={"Floor": "89.90", "Lower": "119.00", "Upper": "64.50"},
    general_admission={"Floor": 2_000},
)
YOZORA = House(
    NewVenue(
        name="Club Yozora",
        address="2-8-3 Shimokitazawa",
        city="Tokyo",
        country_code="JP",
        time_zone="Asia/Tokyo",
    ),
    plan="club",
    currency_code="JPY",
    prices={"Floor": "4800", "Gallery": "6500"},
    general_admission={"Floor": 450, "Gallery": 150},
)

HOUSES = (LANTERN, LUCIOLES, AURORA, YOZORA)

SHOWS = (
    Show(
        house=LANTERN,
        title="Midsummer Night at the Lantern Theatre",
        type_name="Theatre",
        description="Lovers, fairies and one very surprised weaver, by the light of 400 lanterns.",
        performers=("The Wandering Lamp Company", "Imogen Fairweather"),
        days=30,
        blocked_seats=4,
    ),
    Show(
        house=LANTERN,
        title="The Clockmaker's Daughter",
        type_name="Musical",
        description="She can repair anything but her own heart. A musical in nineteen ticks.",
        performers=("Marlowe & Finch", "The Lantern Pit Orchestra"),
        days=45,
        sold_percent=40,
        blocked_seats=12,
    ),
    Show(
        house=LANTERN,
        title="Dr Quill Explains Nearly Everything",
        type_name="Talk",
        description="Two hours, one blackboard, and the universe up to the interval.",
        performers=("Dr Araminta Quill",),
        days=12,
        at=time(18, 0),
        hours=2,
        sold_percent=15,
        prices={"Premium": "24.00", "Stalls": "18.00", "Balcony": "14.00", "Upper balcony": "9.50"},
    ),
    Show(
        house=LANTERN,
        title="Socks & Sensibility",
        type_name="Comedy",
        description="An evening of stand-up for people who have lost one of a pair.",
        performers=("Bernard Tuffet", "Priya Ramble"),
        days=-9,
        at=time(20, 0),
        hours=2,
        sold_percent=70,
    ),
    Show(
        house=LUCIOLES,
        title="La Nuit des Marionnettes",
        type_name="Family",
        description="Trente marionnettes s'échappent de leur malle. À partir de 6 ans.",
        performers=("Compagnie du Fil Bleu",),
        days=21,
        at=time(15, 0),
        hours=1.5,
        sold_percent=25,
        prices={"Premium": "28.00", "Stalls": "22.00", "Balcony": "16.00", "Upper balcony": "8.00"},
    ),
    Show(
        house=LUCIOLES,
        title="Ballet of the Tides",
        type_name="Dance",
        description="The sea comes in, the sea goes out: twenty-two dancers and a flooded stage.",
        performers=("Ballet des Marées", "Étienne Vague"),
        days=60,
        sales_open_in_days=7,
    ),
    Show(
        house=LUCIOLES,
        title="Carmen, Probably",
        type_name="Opera",
        description="Everything you know about Carmen, sung by people who disagree about it.",
        performers=("Opéra de Poche",),
        days=18,
        at=time(20, 0),
        state=EventState.CANCELLED,
    ),
    Show(
        house=AURORA,
        title="Polar Bloom: The Thaw Tour",
        type_name="Concert",
        description="Four synthesizers, one glacier, and the loudest spring you have ever heard.",
        performers=("Polar Bloom", "Kettle & the Kids"),
        days=75,
        at=time(20, 0),
        hours=3,
        seats_per_buyer_max=6,
        blocked_seats=40,
    ),
    Show(
        house=AURORA,
        title="Hamburg Herons v Oslo Owls",
        type_name="Sport",
        description="Ice hockey, round one of the Lighthouse Cup. Bring a scarf of either colour.",
        performers=("Hamburg Herons", "Oslo Owls"),
        days=40,
        at=time(18, 30),
        sales_open_in_days=3,
        seats_per_buyer_max=8,
        prices={"Floor": "25.00", "Lower": "54.00", "Upper": "29.50"},
    ),
    Show(
        house=AURORA,
        title="The Grand Brass Gathering",
        type_name="Concert",
        description="A thousand players, no amplifiers. Paused while the tuba section is rehoused.",
        performers=("Blaskapelle Sturmflut", "The Copper Choir"),
        days=55,
        at=time(17, 0),
        state=EventState.PAUSED,
    ),
    Show(
        house=YOZORA,
        title="Midnight Vending Machine",
        type_name="Concert",
        description="City pop for the last train. Sold out in the time it takes to choose a drink.",
        performers=("Hoshi no Jihanki",),
        days=15,
        at=time(21, 0),
        seats_per_buyer_max=4,
        sold_percent=100,
    ),
    Show(
        house=YOZORA,
        title="Paper Umbrella",
        type_name="Concert",
        description="Rain songs, played quietly enough to hear the rain.",
        performers=("Paper Umbrella", "Ao to Kuro"),
        days=24,
        at=time(19, 0),
        seats_per_buyer_max=4,
        sold_percent=30,
    ),
    Show(
        house=YOZORA,
        title="Neon Koi All-Nighter",
        type_name="Club night",
        description="Doors at eleven, breakfast at five.",
        performers=("DJ Neon Koi", "Tanuki Sound System"),
        days=33,
        at=time(23, 0),
        hours=6,
        sales_open_in_days=10,
    ),
)
