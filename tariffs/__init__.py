"""Tariffs: read (`document`), told (`explain`) and, above all, rated (`rate`).

    document   what people write, OCPI-shaped      -> vocabulary.tariff
    rate       a session and a tariff              -> lines with their reasons, and what is owed
      timeline      the session as whole numbers; `clock` does the same for the wall clock of its site
      compiled      the tariff made ready: `restrictions` become questions, prices whole numbers
      periods       cuts the session where a price can change, and asks which prices are in force
      charges       what each price finds to charge, and what step sizes add; `reserving`: before the session
      lines         the same in money; `limits`: what the least and the most change of it
      rounding      whole minor units
    policy     by whose rules: OCPI 2.2.1, OCPI 2.3.0, OCPP 2.1
    explain    a tariff, or the reason of a line, in a person's `words`; `price_sheet`: all of it
    lint       what may be wrong with a tariff; `coverage`: which prices nothing can reach
    diff       what two tariffs differ in

Everything here is pure. The first element that holds gives the price, in every profile.
"""
