"""Messages of every kind, written here, that encoders are timed and calibrated on before any history is read.

Changing a line changes int8's ranges: raise ``int8.RECIPE`` with it.
"""

_SHORT = """\
ok
k
no
Yes!
lol
haha yes
HAHAHA stop
omg
wait what
Thanks!!
thank you so much
np
sure
sounds good to me
I'm in
can't today, sorry
maybe
not sure yet
👍
😂😂😂
❤️
🎉 happy birthday 🎉
...
?
hmm
good morning
night night, sleep well
love you too
miss you
where are you?
on my way
be there in 10
running late, start without me
just landed
home safe
call me when you can
did you eat?
what's for dinner
pizza or thai
your turn to pick
how was it?
it was fine I guess
so proud of you
sorry to hear that
that's awful, are you ok?
congrats on the new job!
who else is coming
which one
the blue one
same
exactly
told you so
nope nope nope
sooooo tired
ugh mondays
"""

_LONGER = """\
Do you want to grab lunch tomorrow around noon, maybe that place by the river?
I can't make it on Friday after all, something came up at work. Could we do Sunday instead?
Please don't forget to bring the keys and the blue folder, I left both on the kitchen table.
The meeting was moved to 3:30 pm in room 204; the agenda is in the calendar, slides by Thursday please.
My flight got cancelled so I'm stuck at the airport until at least 9, don't wait up for me.
Did you see what she posted last night? I honestly can't believe it, we should talk about this in person.
I looked at the flat: two rooms, 950 a month, third floor without a lift, but the light is lovely.
Mum says the appointment is on the 14th at 8:15, and you need to bring your insurance card.
If it rains we'll just stay in, watch a film and order something. If not: picnic, as planned!
hey, quick question, do you still have the number of the plumber who fixed your sink last year??
I think the problem is that the function returns None when the list is empty, so the loop never starts.
We beat them 3-1!!! You should have seen the second goal, from the halfway line, the whole place went mad
just so you know, I'm not angry, I only wish you had told me before I heard it from somebody else
Your verification code is 482913. It expires in 10 minutes. Never share it with anyone.
Your parcel will be delivered today between 13:00 and 15:00. Track it at https://example.com/t?id=83kd92&l=en
can u pls send me ur notes from tmrw's class?? i wasnt there n the exam is nxt week :(
The recipe says 250 g flour, 2 eggs, a pinch of salt, 180 °C for 35 minutes; I used half the sugar.
Remember when we missed the last train and walked home for two hours singing? Best night of that summer.
Could you look after the dog from Saturday to Tuesday? He eats twice a day and hates the vacuum cleaner.
The doctor called back, everything looks normal, they only want to see me again in six months. So relieved!
sudo apt-get update && sudo apt-get install -y build-essential; then run ./configure --prefix=/usr/local
¿Vienes a cenar esta noche? Mi hermana también está invitada.
Kannst du mir bitte die Adresse schicken? Ich finde den Zettel nicht mehr.
Je serai en retard de dix minutes, désolé, commence sans moi si tu veux.
Привет, как дела? Увидимся завтра вечером?
你好，今天晚上一起吃饭吗？
مرحبا، كيف حالك اليوم؟
naïve café déjà-vu — “quoted”, (bracketed) [and] {more} #hashtag @someone $20 50% a/b x^2 ~ ¯\\_(ツ)_/¯
aaaaaaaaaaaaaaaaaaaaaaah nooooooooo whyyyyyyy
1 2 3 4 5 6 7 8 9 10 11 12 2024-05-01 +1 555 010 0199 12:45:07 3.14159 1,000,000
"""

_LONG = (
    "Okay so here is the whole story, because you asked. I left the house at seven, the bus did not come, so I walked to "
    "the station, and of course the train was late as well. When I finally got there the office was locked and nobody "
    "picked up the phone. I waited in the cafe across the street for an hour, had two coffees, read the paper from front "
    "to back, and then I saw Jonas walk by with a ladder. A ladder! He said the lock had been broken since Tuesday and "
    "everybody goes in through the window now. So that is how I started my new job, climbing through a window in my good "
    "suit. The people are nice though, the work is interesting, and there is a cat. I will tell you the rest on Sunday, "
    "if you still want to come over; bring the board game, and please not the one with the dragons, we never finish it."
)

PROBE_TEXTS: tuple[str, ...] = (
    "",
    *_SHORT.splitlines(),
    *_LONGER.splitlines(),
    _LONG,
    " ".join(reversed(_LONG.split())),
)
"""Their lengths are spread as those of messages are: half have fewer than 8 words, a few many."""
