"""The checkout carried by events alone: each company's subscribers react to an event and publish their own.

Who reacts to what stands in `companies/`; nobody stands above them.
"""
