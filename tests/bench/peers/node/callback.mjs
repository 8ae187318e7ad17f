// The callback as it would be written for Node.js: takes the code, seals the pair under KMS, stores it.

import { createCipheriv, randomBytes } from "node:crypto";
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { GenerateDataKeyCommand, KMSClient } from "@aws-sdk/client-kms";

const { TABLE, KEY_ID, EXACT_URL, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env;

// Keep-alive is the default of both, and of fetch.
const dynamodb = new DynamoDBClient({});
const kms = new KMSClient({});

const now = () => String(Math.floor(Date.now() / 1000));

// Uses the state up: a second callback with it finds nothing to do.
async function consume(state) {
  const { Attributes } = await dynamodb.send(
    new UpdateItemCommand({
      TableName: TABLE,
      Key: { pk: { S: `STATE#${state}` }, sk: { S: "STATE" } },
      UpdateExpression: "SET consumed_at = :now",
      ConditionExpression: "attribute_exists(pk) AND attribute_not_exists(consumed_at) AND expires_at > :now",
      ExpressionAttributeValues: { ":now": { N: now() } },
      ReturnValues: "ALL_NEW",
    }),
  );
  return Attributes;
}

function dataKey(state) {
  return kms.send(
    new GenerateDataKeyCommand({ KeyId: KEY_ID, KeySpec: "AES_256", EncryptionContext: { state } }),
  );
}

async function exchange(code, verifier) {
  const answer = await fetch(`${EXACT_URL}/api/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: REDIRECT_URI,
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      code_verifier: verifier,
    }),
    signal: AbortSignal.timeout(60_000),
  });
  if (!answer.ok) throw new Error(`the token endpoint answered ${answer.status}`);
  return answer.json();
}

function seal(key, state, pair) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key.Plaintext, nonce).setAAD(Buffer.from(state));
  const text = Buffer.concat([cipher.update(JSON.stringify(pair)), cipher.final()]);
  return Buffer.concat([key.CiphertextBlob, nonce, text, cipher.getAuthTag()]);
}

function store(customer, sealed) {
  return dynamodb.send(
    new PutItemCommand({
      TableName: TABLE,
      Item: {
        pk: { S: `PAIR#${customer}` },
        sk: { S: "PAIR" },
        sealed: { B: sealed },
        received_at: { N: now() },
        due_at: { N: String(Number(now()) + 259_200) },
      },
      ConditionExpression: "attribute_not_exists(pk)",
    }),
  );
}

async function me(accessToken) {
  const answer = await fetch(`${EXACT_URL}/api/v1/current/Me`, {
    headers: { Authorization: `Bearer ${accessToken}`, Accept: "application/json" },
    signal: AbortSignal.timeout(20_000),
  });
  if (!answer.ok) throw new Error(`Me answered ${answer.status}`);
  return (await answer.json()).d.results[0];
}

function identify(customer, user) {
  return dynamodb.send(
    new UpdateItemCommand({
      TableName: TABLE,
      Key: { pk: { S: `PAIR#${customer}` }, sk: { S: "PAIR" } },
      UpdateExpression: "SET exact_user = :user, exact_name = :name",
      ConditionExpression: "attribute_exists(pk)",
      ExpressionAttributeValues: { ":user": { S: user.UserID }, ":name": { S: user.FullName } },
    }),
  );
}

export async function handler(event) {
  const { state, code } = event.queryStringParameters;
  let consent, key;
  try {
    [consent, key] = await Promise.all([consume(state), dataKey(state)]);
  } catch (error) {
    if (error.name !== "ConditionalCheckFailedException") throw error;
    return { statusCode: 409, body: "This link was used already." };
  }
  const pair = await exchange(code, consent.verifier.S);
  const customer = consent.customer.S;
  const sealed = seal(key, state, pair);
  const [user] = await Promise.all([me(pair.access_token), store(customer, sealed)]);
  await identify(customer, user);
  return { statusCode: 303, headers: { location: "/connected" } };
}
