"""Writes down that a password was set at some time: configuration, DN, time in units of 100 ns since 1601.

Over LDAP `pwdLastSet` may be set to nothing but 0 and now, so this opens the data base beside the server.
"""

import sys

import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

# DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID: leaves out the part that looks after passwords.
BYPASS_PASSWORD_HASH = "local_oid:1.3.6.1.4.1.7165.4.3.12:0"

configuration, dn, time = sys.argv[1:]
parameters = LoadParm()
parameters.load(configuration)
database = SamDB(url=parameters.private_path("sam.ldb"), session_info=system_session(), lp=parameters)
change = ldb.Message(ldb.Dn(database, dn))
change["pwdLastSet"] = ldb.MessageElement(time, ldb.FLAG_MOD_REPLACE, "pwdLastSet")
database.modify(change, controls=[BYPASS_PASSWORD_HASH])
