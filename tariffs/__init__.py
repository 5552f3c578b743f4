"""Tariffs: read (`document`), told (`explain`) and, above all, rated (`rate`).

    document   what people write, OCPI-shaped      -> vocabulary.tariff
    rate       a session and a tariff              -> lines with their reasons, and what is owed
      periods       cuts the session where a price can change; asks `clock` and `register`
      restrictions  which price is in force at a moment
      rounding      step sizes, and whole minor units
    explain    a tariff, or the reason of a line, in a person's `words`

Everything here is pure. The profile is OCPI 2.2.1: prices are net, the first element that holds gives the price.
"""
