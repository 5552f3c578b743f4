"""Country codes: ISO 3166-1 alpha-2, which we and OCPI parties use, to alpha-3, which OCPI locations use.

Europe, Kosovo by its user-assigned code, and where else chargers of a European operator may stand. A country that is
missing is added here; it is never guessed.
"""

_PAIRS = """
    AD:AND AL:ALB AM:ARM AT:AUT AX:ALA AZ:AZE BA:BIH BE:BEL BG:BGR BY:BLR CH:CHE CY:CYP CZ:CZE DE:DEU DK:DNK
    EE:EST ES:ESP FI:FIN FO:FRO FR:FRA GB:GBR GE:GEO GG:GGY GI:GIB GR:GRC HR:HRV HU:HUN IE:IRL IM:IMN IS:ISL
    IT:ITA JE:JEY LI:LIE LT:LTU LU:LUX LV:LVA MC:MCO MD:MDA ME:MNE MK:MKD MT:MLT NL:NLD NO:NOR PL:POL PT:PRT
    RO:ROU RS:SRB SE:SWE SI:SVN SK:SVK SM:SMR TR:TUR UA:UKR VA:VAT XK:XKX

    AE:ARE AU:AUS BR:BRA CA:CAN CN:CHN IL:ISR IN:IND JP:JPN KR:KOR MA:MAR MX:MEX NZ:NZL SA:SAU SG:SGP TH:THA
    US:USA ZA:ZAF
"""

ALPHA_3 = {alpha_2: alpha_3 for alpha_2, _, alpha_3 in (pair.partition(":") for pair in _PAIRS.split())}
