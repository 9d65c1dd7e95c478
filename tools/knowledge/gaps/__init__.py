"""Knowledge gaps: what customers ask and no article answers, from the first question to the article.

sources     what a turn tells: a search that found nothing, a thumb down, a ticket after a search
grouping    which questions mean the same
collecting  the one home of the writes to gaps and their questions
checking    whether search answers a gap's questions by now
drafting    a draft of the article that would close a gap
"""
