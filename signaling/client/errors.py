"""Failures of the headless client.

ClientError
├── ConnectionLost   the connection broke or never stood; trying again may help
└── Expelled         the server told this client to go and not to come back
"""


class ClientError(Exception):
    code = "client"


class ConnectionLost(ClientError):
    code = "connection-lost"


class Expelled(ClientError):
    code = "expelled"
