"""An identity provider of pysaml2, for one answer: reads a request in JSON from standard input, writes the answer to
standard output. It shares no code with the service provider."""
import functools
import json
import sys

import saml2.entity
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import pre_encryption_part, verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

task = json.load(sys.stdin)
endpoints = [(task["entityID"] + "/sso", BINDING_HTTP_REDIRECT), (task["entityID"] + "/sso", BINDING_HTTP_POST)]
config = IdPConfig().load({
    "entityid": task["entityID"],
    "key_file": task["key"],
    "cert_file": task["certificate"],
    "xmlsec_binary": task["xmlsec"],
    "metadata": {} if "metadata" in task else {"local": [task["spMetadata"]]},
    "service": {"idp": {
        "endpoints": {"single_sign_on_service": endpoints},
        # By redirect the address is signed, not the message: that is looked at below.
        "want_authn_requests_signed": task.get("binding") != "redirect",
    }},
})
idp = Server(config=config)

if "metadata" in task:
    from saml2.metadata import entity_descriptor

    print(entity_descriptor(config))
    sys.exit(0)

# By default it encrypts with Triple DES, which the service provider refuses.
saml2.entity.pre_encryption_part = functools.partial(
    pre_encryption_part, msg_enc="http://www.w3.org/2001/04/xmlenc#aes256-cbc")
idp.sec.encrypt_assertion = functools.partial(idp.sec.encrypt_assertion, key_type="aes-256")

in_response_to = None
if "request" in task:
    binding = BINDING_HTTP_POST if task["binding"] == "post" else BINDING_HTTP_REDIRECT
    if binding == BINDING_HTTP_REDIRECT:
        sent = {"SAMLRequest": task["request"], "RelayState": task["relayState"], "SigAlg": task["sigAlg"],
                "Signature": task["signature"]}
        keys = [key if isinstance(key, str) else key[1] for key in idp.metadata.certs(task["spEntityID"], "any")]
        if not any(verify_redirect_signature(sent, idp.sec.sec_backend, key) for key in keys):
            sys.exit("the signature of the request does not hold")
    request = idp.parse_authn_request(task["request"], binding)
    in_response_to = request.message.id

response = idp.create_authn_response(
    identity={"givenName": "Pia", "sn": "Pysaml", "mail": "pia@example.org"},
    in_response_to=in_response_to,
    destination=task["acs"],
    sp_entity_id=task["spEntityID"],
    name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="pia@example.org"),
    authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "authn_auth": "x"},
    sign_response=task["signResponse"],
    sign_assertion=task["signAssertion"],
    encrypt_assertion=task["encrypt"],
    encrypted_advice_attributes=False,
    encrypt_assertion_self_contained=True,
    sign_alg=SIG_RSA_SHA256,
    digest_alg=DIGEST_SHA256,
)
print(response)
