import { openGatewaySimulator } from "../../../src/adapters/sandbox/gateway/simulator.ts";

/** A gateway in a process of its own, to be killed. Arguments: its folder, and where the merchant hears. Prints its port. */
const [folder = "", notify = ""] = process.argv.slice(2);
const gateway = openGatewaySimulator({
  folder,
  notify: () => notify,
  baseUrl: () => `http://127.0.0.1:${server.port}`,
});
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => gateway.fetch(request) });
console.log(server.port);
