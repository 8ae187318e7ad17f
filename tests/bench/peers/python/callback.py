"""The callback as it would be written in Python: takes the code, seals the pair under KMS, stores it."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TABLE = os.environ["TABLE"]
KEY_ID = os.environ["KEY_ID"]
EXACT_URL = os.environ["EXACT_URL"]
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
REDIRECT_URI = os.environ["REDIRECT_URI"]

CONFIG = Config(tcp_keepalive=True, retries={"mode": "standard", "max_attempts": 3})
DYNAMODB = boto3.client("dynamodb", config=CONFIG)
KMS = boto3.client("kms", config=CONFIG)
HTTP = httpx.Client(timeout=httpx.Timeout(60.0, connect=5.0))
POOL = ThreadPoolExecutor(max_workers=2)


def consume(state):
    """Uses the state up: a second callback with it finds nothing to do."""
    now = int(time.time())
    return DYNAMODB.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"STATE#{state}"}, "sk": {"S": "STATE"}},
        UpdateExpression="SET consumed_at = :now",
        ConditionExpression="attribute_exists(pk) AND attribute_not_exists(consumed_at) AND expires_at > :now",
        ExpressionAttributeValues={":now": {"N": str(now)}},
        ReturnValues="ALL_NEW",
    )["Attributes"]


def data_key(state):
    return KMS.generate_data_key(KeyId=KEY_ID, KeySpec="AES_256", EncryptionContext={"state": state})


def exchange(code, verifier):
    answer = HTTP.post(
        f"{EXACT_URL}/api/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "code_verifier": verifier,
        },
    )
    answer.raise_for_status()
    return answer.json()


def seal(key, state, pair):
    nonce = os.urandom(12)
    plain = json.dumps(pair).encode()
    return key["CiphertextBlob"] + nonce + AESGCM(key["Plaintext"]).encrypt(nonce, plain, state.encode())


def store(customer, sealed):
    DYNAMODB.put_item(
        TableName=TABLE,
        Item={
            "pk": {"S": f"PAIR#{customer}"},
            "sk": {"S": "PAIR"},
            "sealed": {"B": sealed},
            "received_at": {"N": str(int(time.time()))},
            "due_at": {"N": str(int(time.time()) + 259_200)},
        },
        ConditionExpression="attribute_not_exists(pk)",
    )


def me(access_token):
    answer = HTTP.get(
        f"{EXACT_URL}/api/v1/current/Me",
        headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"},
    )
    answer.raise_for_status()
    return answer.json()["d"]["results"][0]


def identify(customer, user):
    DYNAMODB.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"PAIR#{customer}"}, "sk": {"S": "PAIR"}},
        UpdateExpression="SET exact_user = :user, exact_name = :name",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":user": {"S": user["UserID"]}, ":name": {"S": user["FullName"]}},
    )


def handler(event, context):
    query = event["queryStringParameters"]
    state, code = query["state"], query["code"]
    key = POOL.submit(data_key, state)
    try:
        consent = consume(state)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return {"statusCode": 409, "body": "This link was used already."}
    key = key.result()
    pair = exchange(code, consent["verifier"]["S"])
    customer = consent["customer"]["S"]
    sealed = seal(key, state, pair)
    user = POOL.submit(me, pair["access_token"])
    store(customer, sealed)
    identify(customer, user.result())
    return {"statusCode": 303, "headers": {"location": "/connected"}}
