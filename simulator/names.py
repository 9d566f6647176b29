"""Names, streets and places of the invented region; drawn on by `people`."""

from __future__ import annotations

from collections.abc import Mapping

FEMALE = (
    "Katherine Margaret Elizabeth Susan Patricia Christine Linda Jennifer Victoria Samantha Emily Olivia Amelia "
    "Jessica Charlotte Sophie Hannah Grace Chloe Ruby Aisha Fatima Zainab Priya Anjali Mei Agnieszka Ewa Oluwaseun "
    "Chiamaka Dorothy Joan Jean Doris Sheila Maureen Brenda Pauline Rebecca Rachel Laura Gemma Catherine Helen Deborah "
    "Frances"
).split()
MALE = (
    "William Robert Richard Thomas James Michael Christopher Anthony Andrew Daniel Matthew Benjamin Samuel Joseph Jack "
    "Harry George Oliver Noah Mohammed Ahmed Yusuf Raj Arjun Wei Piotr Tomasz Emeka Kwame Stanley Arthur Albert Ronald "
    "Derek Kenneth Raymond Trevor Nigel Stephen Philip Edward Alexander Nicholas Timothy Frederick Leonard Gerald"
).split()
FAMILY = (
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White Roberts "
    "Green Hall Wood Jackson Clarke Khan Hussain Ahmed Singh Kaur Begum Ali Nowak Kowalski Okafor Adeyemi Chen Wong "
    "O'Neill O'Brien MacDonald McAllister Fitzgerald Ellwood Holroyd Sutcliffe Greenwood Barraclough Ackroyd Hepworth "
    "Thistlewood Ravensdale Askwith Birtwhistle Pemberton-Jones Fairclough Ormerod Haigh Metcalfe Dinsdale Outhwaite"
).split()
FAMILIAR: Mapping[str, str] = {
    "Katherine": "Kate",
    "Catherine": "Cathy",
    "Margaret": "Peggy",
    "Elizabeth": "Liz",
    "Susan": "Sue",
    "Patricia": "Pat",
    "Christine": "Chris",
    "Jennifer": "Jenny",
    "Victoria": "Vicky",
    "Samantha": "Sam",
    "Deborah": "Debbie",
    "Frances": "Fran",
    "Rebecca": "Becky",
    "William": "Bill",
    "Robert": "Bob",
    "Richard": "Dick",
    "Thomas": "Tom",
    "James": "Jim",
    "Michael": "Mike",
    "Christopher": "Chris",
    "Anthony": "Tony",
    "Andrew": "Andy",
    "Daniel": "Dan",
    "Matthew": "Matt",
    "Benjamin": "Ben",
    "Samuel": "Sam",
    "Joseph": "Joe",
    "Stephen": "Steve",
    "Philip": "Phil",
    "Edward": "Ted",
    "Alexander": "Alex",
    "Nicholas": "Nick",
    "Timothy": "Tim",
    "Frederick": "Fred",
    "Leonard": "Len",
    "Gerald": "Gerry",
    "Kenneth": "Ken",
    "Raymond": "Ray",
    "Ronald": "Ron",
}
STREETS = (
    "High Street,Church Lane,Station Road,Mill Lane,Victoria Road,Park Avenue,Beck Side,Ferry Road,The Crescent,"
    "Chapel Street,Moor View,Quarry Bank,Saltergate,Harrow Rise,Larch Close,Bridge Street,Weir Terrace,Fell View"
).split(",")
TOWNS = ("Thornmere", "Eskwith", "Harrowdale", "Larkbeck", "Millbeck", "Ferrygate")
CLINICIANS = (
    ("Asha", "Raman"),
    ("Peter", "Lindqvist"),
    ("Moira", "Kilbride"),
    ("Tunde", "Balogun"),
    ("Helena", "Marsh"),
    ("Gareth", "Pugh"),
    ("Yasmin", "Qureshi"),
    ("Colin", "Broadbent"),
)
