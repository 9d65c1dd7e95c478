"""A customer's rights over what is stored of them.

subjects       whose data it is, and where it hangs
contributions  what other apps store of a customer: they tell, for chat does not know them
export         all of it, as one document
erasure        its end
retention      the end of what is old, customer or not
"""
