"""Words that carry no topic, language by language, those of questions and of polite requests included.

In a small base they are rare by accident, so that inverse document frequency alone would take them
for important. The lists of the usual packages are of no use here: their 300 to 1,300 words a
language name "account", "work" and "value" among them, which people ask a help centre about.
Chinese, Japanese and Thai have strings instead, which are cut out of a text without spaces.
"""

_LISTS = {
    "en": """
a about all am an and any are aren't as at be been being but by can can't cannot could did do
does doesn't doing don't for from had has have having he her him his how i i'd i'll i'm i've
if in into is isn't it it's its just let let's me my of on or our please she should so some
than that that's the their them then there these they this those to u up ur us was we we're
were what what's when where where's which who whom whose why will with would you you're your
gonna got hello help hey hi know like long many much need take takes tell thank thanks wanna want ya
arent cant couldnt didnt doesnt dont hows im isnt ive thats theres whats wheres whos wont wouldnt youre
""",
    "de": """
aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist bitte da damit
danke dann das dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses
dir doch du durch ein eine einem einen einer eines er es etwas euch euer für gegen gibt habe haben
hallo hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jeder
jedes kann kannst können könnte man mein meine meinem meinen meiner mich mir mit möchte muss müssen
nach nicht noch nun nur ob oder ohne sein seine seinem seinen seiner sein sich sie sind so soll sollte
über um und uns unser unsere unter vom von vor wann war waren warum was welche welchem welchen
welcher welches wem wen wenn wer werden werde weshalb wie wieso wieviel will wir wird wo woher wohin
wurde wurden würde zu zum zur
""",
    "fr": """
a ai alors as au aux avec avez avons bonjour c ce ceci cela ces cet cette ceux chez ci combien comme
comment d dans de des dois doit donc du elle elles en es est et étaient était êtes être eu eux faut il
ils j je l la le les leur leurs lui m ma mais me merci mes moi mon n ne ni nos notre nous on ont or ou
où par pas peut peux plaît pour pourquoi puis puisse qu quand que quel quelle quelles quels qui quoi s sa sans
se ses si sommes son sont sous suis sur svp t ta te tes toi ton tous tout toute toutes tu un une veux
vos votre vous y
""",
    "es": """
a al algo ante aquel aquella como con cuál cuáles cualquier cuando cuándo cuánta cuántas cuánto cuántos
de debo del desde donde dónde e el él ella ellas ellos en entre era eran eres es esa esas ese eso esos
esta está estaba estaban están estas este esto estos estoy favor fue fueron gracias ha han has hay he
hola la las le les lo los me mi mis muy nada ni no nos nosotros nuestra nuestro o os para pero por porque
pueda puede pueden puedo que qué quién quiénes quien quiero se sea ser si sí sido sin sobre son su sus
también te tengo ti tiene tienen tu tú tus u un una unas uno unos usted ustedes y ya yo
""",
    "pt": """
a à ao aos aquela aquele as às até com como da das de dela dele depois do dos e é ela elas ele eles em
entre era eram essa esse esta está estão este eu favor foi foram há isso isto já lhe mais mas me meu
meus minha minhas na não nas nem no nos nós nossa nosso num numa o obrigada obrigado olá onde os ou
para pela pelas pelo pelos pode podem por porque posso qual quais quando quanta quantas quanto quantos
que quem quero se sem ser seu seus sua suas são também te tem têm tenho teu tu tua um uma umas uns você
vocês
""",
    "it": """
a ad agli ai al alla alle allo anche c che chi ci ciao come con cosa cui d da dagli dai dal dalla dalle
dei degli del della delle dello devo di dove e è ed era erano essere favore fra gli grazie ha hanno ho i
il in io l la le lei li lo loro lui ma me mi mia mie miei mio ne negli nei nel nella nelle nello noi non
nostra nostro o per perché più posso può qual quale quali quando quanta quante quanti quanto quel quella
quelle quello questa queste questi questo qui s se sei si sia sono su sua sue sugli sui sul sulla sulle
suo suoi ti tra tu tua tuo un una uno vi voglio voi vorrei
""",
    "nl": """
aan als alstublieft bedankt ben bij dan dat de deze die dit doe door een en er ge geen graag had hallo
heb hebben heeft het hij hoe hoeveel hun ik in is ja je jij jullie kan kun kunnen maar me men met mij
mijn moet naar niet nog nu of om onder ons onze ook op over te tegen tot u uit uw van voor waar waarom
wanneer was wat we welk welke wel wie wij wil worden wordt zal ze zich zij zijn zo zou
""",
    "sv": """
alla allt att av blir de dem den denna deras dess dessa det detta dig din dina ditt du där efter ej eller
en er era ert ett finns från för ha hade han har hej hon hos hur här i icke inte jag kan man med men mig
min mina mitt mot måste ni nu när någon något några och om oss på sig sin sina sitt ska som så tack till
under upp ut vad var varför vara vem vi vid vilka vilken vilket vill vår våra vårt är åt över
""",
    "da": """
af alle at blev bliver da de dem den denne der deres det dette dig din dine dit du efter eller en er et
for fra han har havde hej hende hendes her hos hun hvad hvem hvilke hvilken hvilket hvis hvor hvordan
hvorfor hvornår i ikke ind jeg jer jeres kan man med men mig min mine mit mod når nogen noget og også om
op os over på sig sin sine sit skal som så tak til ud under var ved vi vil vor være
""",
    "no": """
alle at av ble blir da de dei dem den denne der deres det dette deg din dine du eg eit eller en er et
etter for fra før ha hadde han har hei henne her hos hun hva hvem hvilke hvilken hvilket hvis hvor
hvordan hvorfor i ikke inn jeg kan man med meg men min mine mitt mot når noe noen og også om opp oss
over på seg sin sine sitt skal som så takk til under ut var ved vi vil være
""",
    "fi": """
ei eivät en että he hei hän ja jos jotka joka jossa kanssa kiitos koska kuin kuinka kuka kun me mikä
miksi milloin minkä minun minä missä mistä mitkä mitä miten mutta mukaan myös ne niin nyt oli olla
olen olet on ovat onko paljonko saa sinä se sen siitä tai te tämä tämän tätä voi voin voiko vai vaan
""",
    "pl": """
a aby ale bardzo bez być był była było były będzie chcę ci co czy dla do dlaczego dzień dziękuję gdy
gdzie go i ich ile im ja jak jaka jaki jakie jako je jego jej jest jestem jeśli już kiedy kto która
które którego której który których którzy lub ma mam mają mi mnie moich moje mojego mojej może można mogę
mój moja mu muszę na nas nasz nasze nie nim o od on ona one oni oraz po pod proszę przez przy się są
swój ta tak także tam te tego tej ten to tu ty tych tym u w we witam z za ze że żeby
""",
    "cs": """
a aby ale ani ano az být byl byla bylo byly bude chci co či dobrý děkuji do ho i já jak jaká jaké jaký jako
je jeho její jejich jen jsem jsi jsme jsou kam kde kdo kdy kolik které která který který k ke ma mám má
mají mé mi mně můj moje můžu mohu může musím my na nám nás ne nebo není o od on ona oni po pod pro
proč prosím před při s se si ta tak také tato ten tento to u v ve vám vás vy z za ze že
""",
    "sk": """
a aby ale ani áno bol bola bolo boli bude by byť chcem čo či dobrý ďakujem do ho i ich ja ako aká aké aký
je jeho jej kam kde kedy kto koľko ktorá ktoré ktorý k ku ma mám má majú mi môj moja moje môžem môže
musím my na nám nás nie o od on ona oni po pod pre prečo prosím pred pri s sa si som sme sú ste ta tak
tiež tá táto ten tento to u v vo vám vás vy z za zo že
""",
    "ro": """
a acea aceasta această aceea acel acela aceste acest acestea acestui acum ai al ale am ar are as aș
asta au aveți avem bună ca că câți câte cât câtă care căror ce cei cel cele cine cu cum când da dacă de
despre din dar după ea ei el ele era erau este eu fi fie fost i îi îl în îmi își într la le li lor lui
mă mai mea mele meu mi mulțumesc ne nici noastră noi nostru nu o or pe pentru pot poate prin să sa sale
sau se și sunt su te ți tu tău un una unde unei unor unui unele unii v vă va voi vor vreau
""",
    "hu": """
a abban ahhoz ahogy aki akkor alatt amely amelyek ami amit az azok azt be ben ban de csak egy egyik el
én és ez ezek ezt fel ha hány hogy hogyan hol honnan hova igen is jó kell ki kik köszönöm kérem le lehet
lesz meg mely melyik mennyi mert mi miért mikor milyen mint mit már majd még nagyon nem össze ő ők
pedig s se sem szia te ti tudok tud vagy vagyok van vannak volt voltak
""",
    "tr": """
acaba ama ancak bana bazı ben beni benim bir biz bize bizim bu buna bunu bunun böyle da daha de değil
diye en gibi göre hangi hangisi hem hep hiç için ile ise istiyorum ki kadar kaç kim kimin lütfen mı mi
mu mü merhaba nasıl ne neden nedir nerede nereden nereye niçin niye o olan olarak oldu olduğu olur ona
onlar onu onun sen seni senin siz size sizin şey şu teşekkürler var ve veya ya yani yok zaman
""",
    "ru": """
а без более бы был была были было быть в вам вас ваш ваша ваше во вот все всё всего всех вы где да для
до его ее её если есть еще ещё же за здесь здравствуйте и из или им имеет их к как какая какие какое
какой какую каким какого какому каких когда которая которое которые который кто куда ко ли лучше меня
мне может можно мой моя моё мои мы на над надо нам нас наш не него нее неё нет ни них но ну нужно о об
он она они оно от откуда очень по под пожалуйста почему при про с свой свою себя сколько со спасибо
так также такая такое такой там те тем то тобой того тоже только том тот ты у уже хочу чего чей чем что
чтобы эта эти это этого этой этом этот эту я
""",
    "uk": """
а або але без би був була були було бути в вам вас ваш ви від він вона вони воно все всі де для до є же з
за зі і із її їх її й його коли кого котрий кількість куди ли мене мені може можна мій моя моє ми на над
нам нас наш не ні них але о об по під при про та так також там те ти то того той тому треба у хочу хто
це цей ця ці чи чий чого чому що щоб як яка яке який які якого якої я скільки дякую
""",
    "bg": """
а ако ала би бил била беше бъде в вас ви все във г да дали до е за защо и из или им има искам как каква
какво какъв каквито кога кого кой което които който коя колко къде ли ме между ми мога може моя му на
над не него нея ни но о от по под при с са само се си след със съм т та така там те ти това този тази
тези тя ще я
""",
    "el": """
α αν από αυτά αυτές αυτή αυτής αυτό αυτοί αυτός αυτόν αυτού αυτών για γιατί δε δεν εάν εγώ είμαι είναι
είχε είχαν ένα έναν ένας ενός εμείς επί ευχαριστώ έχει έχουν έχω η ή ήταν θα θέλω κάθε και κατά κι με
μετά μέσα μη μια μία μιας μου μπορεί μπορώ μας να ο οι όπως όταν ότι όσο παρά παρακαλώ πια ποια ποιά
ποιες ποιο ποιοι ποιος ποιός ποιον ποιους πόσα πόσες πόση πόσο πόσοι πότε που πού πρέπει προς πως πώς σας
σε στα στη στην στις στο στον στους στου στης τα της τη την τι τί τις το τον του τους των υπό ως
""",
    "ar": """
أ إذا إلى إن أن أنا أنت أنه أنها أو أي أين آن أية التي الذي الذين اللذان اللتي ال أريد بأن بعد بل بها به
بين تم تلك ثم حتى حول حيث خلال ذلك شكرا عن عند عندما على عليه عليها غير في فيه فيها قبل قد كان كانت كل
كم كما كيف لا لدى لذا لقد لكن لكي لم لماذا لن له لها لهم ليس لي ما ماذا متى مثل مع من منذ منها منه مني
مرحبا نحن نعم هذا هذه هل هم هنا هناك هو هي و وقد وهو وهي وكان وكانت ولا ولم ومن يا يتم يكون يمكن يمكنني
""",
    "fa": """
آن آنها آیا از است اگر اما ام ان او این اینکه با باید بر برای بود بودند به بی تا تو چرا چطور چگونه چه چند
چقدر خود در را سلام شد شده شما شود که کجا کدام کرد کردن کسی کند کنم کنید کی لطفا ما من می میشود نمی نیست
هر هم همه هست هستند هستم و ولی یا یک
""",
    "he": """
אבל או אולי אז אותה אותו אותי אותם אי אין איך איזה איזו אילו איפה אל אלה אם אנחנו אני את אתה אתם בבקשה גם
האם הוא היא היה היו הם הן הזה הזאת זאת זה זו יש כאשר כדי כי כל כמה כן לא לאן לה להם לו לי לך לנו למה ליד
מאוד מאיפה מה מי מתי על עם עוד של שלה שלהם שלו שלי שלך שלנו שם תודה
""",
    "hi": """
अगर अपना अपनी अपने अब आदि आप आपका आपकी आपके इन इनका इस इसका इसकी इसके इसमें इसलिए इसी इसे उन उनका उनकी उनके
उन्हें उन्होंने उस उसका उसकी उसके उसमें उसने उसे एक एवं ऐसे और कब कभी कर करता करती करते करना करने करें कहाँ कहां
का कि कितना कितनी कितने किन किस किसका किसकी किसके किसी किसे किसने की कुछ कृपया के को कोई कौन कौनसा कौनसी क्या
क्यों कैसे गया गई गए चाहिए चाहता चाहती जब जा जाता जाती जाते जाने जिन जिस जिसका जिसकी जिसके जिसमें जिसे जैसे जो
तक तथा तब तरह तो था थी थीं थे दिया द्वारा धन्यवाद न नमस्ते नहीं ने पर फिर बहुत बारे भी मुझे में मेरा मेरी मेरे
मैं मैंने यदि यह यहाँ यहां या ये रहा रही रहे लिए वह वहाँ वहां वाला वाली वाले वे सकता सकती सकते साथ से हम
हमारा हमारी हमारे ही हुआ हुई हुए हूँ हूं है हैं हो होगा होगी होता होती होते होना होने
""",
    "vi": """
ai anh ạ bạn bao bị bởi các cái cần cho chúng có cũng của cùng đã đang để đến đi điều đó được gì hay khi
không là làm lại mà mình một muốn nào này nên nếu nhiêu như nhưng những ở ra rằng rất sao sau sẽ tại thế
thì theo tôi từ và vào vậy về vì với xin
""",
    "id": """
ada adalah agar akan aku anda apa apakah atau bagaimana bagi bahwa berapa bisa dalam dan dapat dari
dengan di dia dimana harus ingin ini itu jika juga kami kamu kapan karena ke kenapa kita maka mana
mereka mengapa oleh pada saat saja saya sebagai seperti siapa sudah telah terima kasih tidak tolong
untuk yang
""",
    "ca": """
a al als amb aquest aquesta aquests com d de del dels el ella elles ells els em en ens es és era eren
està estan et fa fou gràcies ha han hi ho hola i jo l la les li lo m mas mes meu meva molt n ni no nos o
on per perquè però pot puc qual quals quan quant quants que què qui s se ser si seu seva sense sobre son
són t també tu un una uns va van vol vull vostè
""",
}

STOP_STRINGS = {
    "zh": """
什么时候 为什么 是什么 什么 哪一个 哪一 哪些 哪个 哪里 哪儿 哪种 如何 怎么样 怎么办 怎么 怎样
多少 多久 是否 可以 能不能 能否 请问
谁 吗 呢 吧 的 了 着 是 在 我 你 您 们 把 被 和 与 及 或 有 就 也 都 而 之 其 哪 何 这个 那个 这 那 请
什麼時候 為什麼 什麼 怎麼 怎樣 嗎 們 個
""",
    "ja": """
どのような どのように どうやって どうすれば どうして どれくらい いくつ いつ どこ どれ どの どんな
どう なぜ なに 何 誰 だれ
できますか ますか ですか ました ません でした ます です ください について という とは から まで より には では
した して する され ている いる ある の は を に が で と も へ か や ね よ
""",
    "th": """
อย่างไร ยังไง ทำไม เท่าไหร่ เท่าไร เมื่อไหร่ เมื่อไร เมื่อใด ที่ไหน ที่ใด อะไร ใคร ไหน กี่ หรือไม่ หรือ ไหม มั้ย ครับ ค่ะ คะ
ช่วย กรุณา ของ และ ที่ ใน เป็น คือ ได้ ให้ กับ ว่า จะ จาก โดย มี ใด ผม ฉัน คุณ เรา
""",
}

STOP_WORDS = {language: frozenset(words.split()) for language, words in _LISTS.items()}
