// A minimal loop on the Runtime API. The official client (aws-lambda-ric) compiles a native part and needs cmake for it.

import http from "node:http";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/${path}` }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const [file, name] = process.env._HANDLER.split(".");
const { [name]: handler } = await import(`./${file}.cjs`);

for (;;) {
  const event = await call("GET", "invocation/next");
  const id = event.headers["lambda-runtime-aws-request-id"];
  try {
    const answer = await handler(JSON.parse(event.body));
    await call("POST", `invocation/${id}/response`, JSON.stringify(answer));
  } catch (error) {
    const told = { errorType: error.name, errorMessage: error.message, stackTrace: [error.stack] };
    await call("POST", `invocation/${id}/error`, JSON.stringify(told));
  }
}
