"""Deploys the template to the local cloud and prints the stack's outputs as JSON.

    deploy.py --endpoint http://127.0.0.1:4566 [--stack handover] [--parameter Name=Value]...
              [--code callback=path/to.zip]... [--template template.yaml]
    deploy.py --endpoint … --stack handover --delete

Does what `sam deploy` does: puts each function's zip into a bucket under the hash of its content, writes that
address into a copy of the template, puts that there too (as text it may have 51,200 bytes only), and creates the stack,
or updates it if it is there.
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "handover-code"
CODE_URI = re.compile(r"^(\s+CodeUri:\s*)(\S+)\s*$", re.MULTILINE)
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def arguments():
    parser = argparse.ArgumentParser(description="Deploys to the local cloud.")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--stack", default="handover")
    parser.add_argument("--template", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "template.yaml")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--code", action="append", default=[], metavar="FUNCTION=ZIP",
                        help="another zip than the template's for the function whose CodeUri's folder has this name")
    parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for the stack")
    parser.add_argument("--delete", action="store_true", help="delete the stack instead")
    return parser.parse_args()


def client(args, service):
    """A client that cannot reach the real AWS by mistake: its credentials are nobody's."""
    return boto3.client(
        service,
        endpoint_url=args.endpoint,
        region_name=args.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )


def upload(s3, data, suffix):
    """Puts it into the bucket under the hash of its content, and answers that name."""
    key = hashlib.sha256(data).hexdigest() + suffix
    s3.put_object(Bucket=BUCKET, Key=key, Body=data)
    return key


def packaged(args):
    """Uploads the template with every CodeUri uploaded and replaced; answers its address."""
    s3 = client(args, "s3")
    where = {} if args.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": args.region}}
    try:
        s3.create_bucket(Bucket=BUCKET, **where)
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        pass
    instead = dict(pair.split("=", 1) for pair in args.code)

    def replace(match):
        given = pathlib.Path(match.group(2))
        path = pathlib.Path(instead.get(given.parent.name, args.template.parent / given))
        return f"{match.group(1)}s3://{BUCKET}/{upload(s3, path.read_bytes(), '.zip')}"

    text = CODE_URI.sub(replace, args.template.read_text())
    return f"{args.endpoint}/{BUCKET}/{upload(s3, text.encode(), '.template')}"


def wait(cloudformation, stack, seconds):
    """The stack when its status is final."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        time.sleep(0.1)
    sys.exit(f"{stack}: not finished after {seconds:.0f} s")


def reasons(cloudformation, stack):
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}"
            for e in events if e["ResourceStatus"].endswith("_FAILED")]


def deploy(args, cloudformation):
    given = [{"ParameterKey": name, "ParameterValue": value}
             for name, value in (pair.split("=", 1) for pair in args.parameter)]
    request = {"StackName": args.stack, "TemplateURL": packaged(args), "Parameters": given,
               "Capabilities": CAPABILITIES}
    try:
        cloudformation.create_stack(**request)
    except cloudformation.exceptions.AlreadyExistsException:
        cloudformation.update_stack(**request)
    stack = wait(cloudformation, args.stack, args.timeout)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit("\n".join([f"{args.stack}: {stack['StackStatus']}", *reasons(cloudformation, args.stack)]))
    print(json.dumps({o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}, indent=2))


def delete(args, cloudformation):
    stack_id = cloudformation.describe_stacks(StackName=args.stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=args.stack)
    stack = wait(cloudformation, stack_id, args.timeout)
    if stack["StackStatus"] != "DELETE_COMPLETE":
        sys.exit("\n".join([f"{args.stack}: {stack['StackStatus']}", *reasons(cloudformation, stack_id)]))


def main():
    args = arguments()
    cloudformation = client(args, "cloudformation")
    try:
        (delete if args.delete else deploy)(args, cloudformation)
    except ClientError as error:
        sys.exit(f"{args.stack}: {error}")


if __name__ == "__main__":
    main()
