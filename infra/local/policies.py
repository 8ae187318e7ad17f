"""Prints what each role of a stack is allowed, as the local cloud holds it, for the test that compares it with calls.

    policies.py --endpoint http://127.0.0.1:4566 --stack handover

{"roles": {logical id: statements of its inline policies, references resolved}}
"""

import argparse
import json

import boto3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", default="eu-central-1")
    args = parser.parse_args()

    def client(service):
        return boto3.client(service, endpoint_url=args.endpoint, region_name=args.region,
                            aws_access_key_id="test", aws_secret_access_key="test")

    resources = client("cloudformation").describe_stack_resources(StackName=args.stack)["StackResources"]
    iam = client("iam")
    found = {}
    for resource in resources:
        if resource["ResourceType"] != "AWS::IAM::Role":
            continue
        role = resource["PhysicalResourceId"]
        statements = []
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            document = json.loads(document) if isinstance(document, str) else document
            statements += document["Statement"]
        found[resource["LogicalResourceId"]] = statements
    print(json.dumps({"roles": found}, indent=1))


if __name__ == "__main__":
    main()
