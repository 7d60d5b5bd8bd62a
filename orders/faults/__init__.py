"""The fault panel: a person makes a company slow, refusing, down or forgetful, and sees the orders react.

It speaks to the stand-ins' control API and knows no company by name: they tell what they do. Refused in production.
"""
