"""Names for the sandbox's members: made up, from many languages and scripts. Data only."""

# ruff: noqa: RUF001 - names are written in their own scripts, on purpose

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A member whom the sandbox always has.

    Attributes:
        phone_end: the last digits of the phone, which no other member's phone ends in.
        habit: a key of `app.sandbox.seeding.HABITS`: how often they come.
        owed_points: what the member owes in the end.
    """

    name: str
    phone_end: str
    habit: str
    owed_points: int = 0


@dataclass(frozen=True)
class Culture:
    """First and last names that go together.

    Attributes:
        share: how many members have such a name, relative to the others' shares.
        phone: a number as people write it at home, its last seven digits as `x`; "" for Ireland's.
        form: how the two parts are put together.
    """

    share: int
    first: tuple[str, ...]
    last: tuple[str, ...]
    phone: str = ""
    form: str = "{first} {last}"


def _list(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(","))


_LAST_FIRST = "{last} {first}"
_TOGETHER = "{last}{first}"

KNOWN = (
    Known("Ngozi Okafor", "4471", "silver"),
    Known("Kwame Mensah", "4417", "silver"),
    Known("Siobhán Maher", "1947", "silver"),
    Known("Fatima Diallo", "3316", "silver"),
    Known("Hana Kovářová", "6120", "owing", 205),
    Known("Nguyễn Thị Mai", "8820", "gold"),
    Known("Łukasz Nowak", "2754", "bronze"),
    Known("Çağla Demir", "9083", "silver"),
    Known("Aoife Ní Dhomhnaill", "5239", "gold"),
    Known("Ingrid Sørensen", "7741", "bronze"),
    Known("Rosa Almeida", "3068", "silver"),
    Known("Yusuf Al-Amin", "1592", "owing", 40),
    Known("Mateo Fernández", "7205", "owing", 85),
)

CULTURES = (
    # Irish, as most write it.
    Culture(
        30,
        _list(
            "Seán, Conor, Ciarán, Niamh, Aoife, Saoirse, Oisín, Cillian, Róisín, Gráinne, Orla, "
            "Eoin, Declan, Fionn, Caoimhe, Sinéad, Brendan, Deirdre, Patrick, Mary, Emma, Jack, "
            "Grace, Noah, Ella, Darragh, Maeve, Tadhg, Clodagh, Ruairí, Emer, Shane, Aisling, "
            "Pádraig, Sorcha, Mary-Kate, Liam, Nuala, Dónal, Éabha"
        ),
        _list(
            "Murphy, Kelly, Byrne, Ryan, O’Brien, O'Sullivan, Walsh, O’Connor, Doyle, McCarthy, "
            "Gallagher, Doherty, Kennedy, Lynch, Murray, Quinn, Moore, McLoughlin, Carroll, "
            "Connolly, Daly, O’Connell, Wilson, Dunne, Brennan, Burke, Collins, Campbell, Clarke, "
            "Johnston, Hughes, Farrell, Fitzgerald, Nolan, Maguire, Keane, Whelan, Mac Mahon, "
            "Hayes-McCoy, Fitzpatrick"
        ),
    ),
    # Irish surnames in Irish tell women's from men's.
    Culture(
        3,
        _list("Bríd, Máire, Áine, Síle, Nóirín, Gobnait, Muireann, Íde, Úna, Caitríona"),
        _list(
            "Ní Bhriain, Ní Chonchúir, Nic Gearailt, Uí Néill, Ní Shúilleabháin, Ní Mhurchú, "
            "Mhic Dhonncha, Ní Cheallaigh"
        ),
    ),
    Culture(
        3,
        _list(
            "Séamus, Micheál, Cathal, Diarmuid, Fearghal, Lorcán, Colm, Tomás, Peadar, Proinsias"
        ),
        _list("Ó Briain, Ó Murchú, Mac Gearailt, Ó Súilleabháin, Ó Flaithearta, Mac an tSaoi"),
    ),
    Culture(
        6,
        _list(
            "Olivia, Harry, Charlotte, George, Amelia, Alfie, Freya, Rhys, Angharad, Hamish, "
            "Isla, Morag, Oliver, Poppy, Jean-Luc, Thomas, Eleanor"
        ),
        _list(
            "Smith, Taylor, Davies, Ap Rhys, MacLeod, Ng, Li, Wright, Okonedo, Parker-Bowles, "
            "Smith-Jones, Fraser, D’Arcy, St. John, Featherstonehaugh"
        ),
        "+44 771 xxx xxxx",
    ),
    Culture(
        4,
        _list("Agnieszka, Małgorzata, Zofia, Katarzyna, Wanda, Żaneta, Elżbieta, Grażyna, Ewa"),
        _list("Kowalska, Zielińska, Wójcik, Wiśniewska, Dąbrowska, Szczęsna, Żak, Jędrzejczyk"),
        "+48 50x xxx xxx",
    ),
    Culture(
        4,
        _list("Wojciech, Krzysztof, Paweł, Grzegorz, Zbigniew, Michał, Stanisław, Bartłomiej"),
        _list("Kowalski, Nowak, Lewandowski, Kaczmarek, Zając, Brzęczyszczykiewicz, Gałązka"),
        "+48 60x xxx xxx",
    ),
    Culture(
        5,
        _list(
            "Chukwuemeka, Adaeze, Obinna, Chiamaka, Ifeanyi, Nneka, Uchenna, Amara, Emeka, Zainab, "
            "Musa, Hauwa, Ibrahim, Ebele"
        ),
        _list("Okonkwo, Eze, Nwosu, Adichie, Okeke, Danjuma, Bello, Abubakar, Igwe, Nnamdi"),
        "+234 803 xxx xxxx",
    ),
    # Yoruba.
    Culture(
        3,
        _list("Adébáyọ̀, Fọlákẹ́, Ọlúwaṣeun, Títílayọ̀, Ọmọ́tọ́lá, Yétúndé, Babájídé, Ṣadé, Kẹ́hìndé"),
        _list("Adéyẹmí, Ọlátúnjí, Ògúnbánjọ, Akínwùmí, Ṣóyínká, Fálọlá, Ayọ̀délé"),
        "+234 805 xxx xxxx",
    ),
    Culture(
        3,
        _list(
            "Kofi, Ama, Akosua, Yaw, Abena, Jamal, Imani, Wanjiru, Otieno, Amina, Thandiwe, Sipho"
        ),
        _list("Osei, Boateng, Asante, Kamau, Mwangi, Odhiambo, Diop, Ndiaye, Dlamini, Nkosi"),
    ),
    Culture(
        3,
        _list("Thị Hương, Văn Hùng, Minh Anh, Thị Lan, Quốc Bảo, Đức Anh, Thị Ngọc Ánh, Hữu Phước"),
        _list("Nguyễn, Trần, Lê, Phạm, Hoàng, Vũ, Đặng, Bùi, Đỗ"),
        form=_LAST_FIRST,
    ),
    Culture(
        2,
        _list("محمد, فاطمة, أحمد, عائشة, يوسف, مريم, عمر, ليلى, خالد, نور"),
        _list("الأمين, حداد, المصري, العلي, خوري, بن صالح, النجار"),
    ),
    Culture(
        4,
        _list(
            "Omar, Salma, Khalid, Layla, Hassan, Noor, Tariq, Samira, Abd al-Rahman, Rania, Idris"
        ),
        _list("Haddad, El-Fassi, Al-Masri, Khoury, Ben Salah, Al-Rashid, Bint Yusuf, Nassar"),
        "+212 61 xxx xxxx",
    ),
    Culture(
        2,
        _list("小明, 伟, 芳, 秀英, 丽华, 建国, 雨桐, 子涵, 欣怡, 浩然"),
        _list("王, 李, 张, 刘, 陈, 欧阳, 赵, 黄"),
        "+86 138 1xxx xxxx",
        _TOGETHER,
    ),
    Culture(
        2,
        _list("Wei, Xiuying, Jie, Hui Min, Zhen, Yifan, Mei-Ling, Jun"),
        _list("Wang, Zhang, Chen, Lü, Ouyang, Xu, Zhao"),
    ),
    Culture(
        2,
        _list("さくら, 陽菜, 蓮, 大翔, 美咲, 健太, 結衣, 翼, ケイ"),
        _list("佐藤, 鈴木, 高橋, 田中, 渡辺, 小林, 長谷川"),
        "+81 90 1xxx xxxx",
        _LAST_FIRST,
    ),
    Culture(
        2,
        _list("서연, 민준, 지우, 하은, 도윤, 예준, 수아, 은지"),
        _list("김, 이, 박, 최, 정, 남궁, 강"),
        form=_TOGETHER,
    ),
    Culture(
        3,
        _list("अंजलि, राहुल, प्रिया, अमित, सुनीता, विकास, कविता, श्रेया"),
        _list("शर्मा, वर्मा, गुप्ता, सिंह, मिश्रा, चौधरी"),
    ),
    Culture(
        5,
        _list("Priyanka, Arjun, Lakshmi, Rohan, Ananya, Harpreet, Deepa, Sanjay, Meera, Vikram"),
        _list("Iyer, Patel, Singh, Kaur, Nair, Chatterjee, Reddy, D’Souza, Venkataraman"),
        "+91 98 1xxx xxxx",
    ),
    Culture(
        2,
        _list("முருகன், கவிதா, செல்வி, கார்த்திக், மீனாட்சி, இளங்கோ"),
        _list("சுப்பிரமணியன், ராஜன், கிருஷ்ணன், வேலு, நடராஜன்"),
    ),
    Culture(
        2,
        _list("Γιώργος, Μαρία, Ελένη, Νίκος, Κατερίνα, Δημήτρης, Άννα"),
        _list("Παπαδόπουλος, Νικολάου, Γεωργίου, Ιωάννου, Δημητρίου"),
        "+30 697 xxx xxxx",
    ),
    Culture(
        4,
        _list("Олена, Тарас, Оксана, Андрій, Наталія, Дмитро, Юлія, Сергій, Галина"),
        _list("Шевченко, Бондаренко, Коваленко, Ткачук, Мельник, Лук’яненко, Щербак"),
        "+380 50 xxx xxxx",
    ),
    Culture(
        1,
        _list("გიორგი, ნინო, თამარ, ლევან, მარიამ, დავით"),
        _list("ბერიძე, კაპანაძე, გელაშვილი, მაისურაძე"),
    ),
    Culture(
        2,
        _list("תמר, נועם, יעל, אורי, שירה, איתן, מיכל"),
        _list("כהן, לוי, מזרחי, פרץ, גולדברג, בן־דוד"),
    ),
    Culture(
        4,
        _list(
            "João, Inês, Thiago, Conceição, Luísa, Gonçalo, Beatriz, Davi, Maria da Graça, Antônio"
        ),
        _list("da Silva, dos Santos, Gonçalves, Araújo, Magalhães, e Sousa, Conceição, Simões"),
        "+351 91x xxx xxx",
    ),
    Culture(
        4,
        _list("José, María José, Iñaki, Lucía, Ximena, Joaquín, Begoña, Andrés, Noemí, Álvaro"),
        _list(
            "García, Muñoz, de la Cruz, Núñez Ortega, del Río, Ibáñez, Ybarra, de la Fuente y Vega"
        ),
        "+34 61 xxx xxxx",
    ),
    Culture(
        3,
        _list("İbrahim, Ayşe, Gülşen, Oğuz, Şükrü, Elif, Ömer, Zeynep, Işıl"),
        _list("Yılmaz, Şahin, Öztürk, Çelik, Aydın, Koçoğlu, Güneş"),
        "+90 532 xxx xxxx",
    ),
    Culture(
        2,
        _list("Jana, Kateřina, Tereza, Božena, Lucie, Markéta"),
        _list("Nováková, Dvořáková, Černá, Procházková, Křížová, Veselá"),
        "+420 60x xxx xxx",
    ),
    Culture(
        2,
        _list("Marek, Jiří, Ondřej, Václav, Tomáš, Zdeněk"),
        _list("Dvořák, Novák, Svoboda, Němec, Šťastný, Příhoda"),
        "+420 72x xxx xxx",
    ),
    Culture(
        1,
        _list("Guðrún, Sigríður, Þórdís, Björk, Ásta"),
        _list("Jónsdóttir, Þorsteinsdóttir, Björnsdóttir, Sigurðardóttir"),
    ),
    Culture(
        1,
        _list("Sigurður, Þór, Ólafur, Gunnar, Ægir"),
        _list("Jónsson, Ægisson, Þórðarson, Guðmundsson"),
    ),
    # Māori.
    Culture(
        1,
        _list("Aroha, Hēmi, Kahurangi, Tāne, Marama, Wiremu, Ngaio"),
        _list("Ngata, Tūwhare, Te Rangi Hīroa, Pōmare, Whārangi"),
    ),
    Culture(
        4,
        _list("Jürgen, Käthe, Günther, Anneliese, Björn, Heike, Anna-Lena, Friedrich, Sophie"),
        _list("Müller, Schäfer, von Stein, Groß, Köhler, von der Heide, Weiß, Schmidt-Rüdiger"),
        "+49 176 1xxxxxxx",
    ),
    Culture(
        3,
        _list("Chloé, François, Zoë, Anaïs, Jérôme, Noémie, Loïc, Maëlle, Jean-Baptiste"),
        _list("Lefèvre, de la Tour, Dupré, L’Hermitte, Côté, Gauthier, d’Estaing, Nuñez-Blanc"),
        "+33 6 1x xx xx xx",
    ),
    Culture(
        3,
        _list("Emma, Søren, Åsa, Bjørn, Linnéa, Øyvind, Mikkel, Sven-Erik, Päivi, Väinö, Tõnu"),
        _list("Lindgren, Ångström, Sørensen, Østergård, Hämäläinen, Mäkinen, Nygård, Õunapuu"),
        "+46 70 xxx xxxx",
    ),
    Culture(
        3,
        _list("Giulia, Niccolò, Andreea, Ștefan, Ioana, Matteo, Răzvan, Ilinca"),
        _list("Rossi, D’Angelo, Popescu, Ionescu, Brătianu, Lo Presti, De Luca, Țepeș"),
        "+40 72 xxx xxxx",
    ),
    Culture(
        3,
        _list("Sophie, Daan, Femke, Joost, Sanne, Mees, Fleur, IJsbrand"),
        _list("de Vries, van den Berg, ’t Hooft, Jansen, van der Meer, Cruijff, IJzerman"),
    ),
    Culture(
        1,
        _list("Ашот, Дарья, Иван, Анастасия, Фёдор"),
        _list("Иванов-Котов, Кац, Соловей, Цой, Ким"),
    ),
    Culture(
        2,
        _list("สมชาย, มาลี, กานดา, วิชัย"),
        _list("ศรีสุข, แก้วใส, วงศ์สวัสดิ์"),
    ),
    # One name is the whole name for many in Java, Myanmar and the south of India.
    Culture(
        1,
        _list("Wahyu, Suharti, Budiono, Sukarno, Thiha, Khin, Padma, Nagaraj, Teller, X"),
        ("",),
    ),
)
