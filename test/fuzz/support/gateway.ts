import { type GatewayAccount, parseGatewayAccount } from "../../../src/core/ids.ts";
import { answered } from "../../support/cinema.ts";

export const SECRET = "a secret of the gateway's, 32 lett";
export const GATEWAY_ACCOUNT: GatewayAccount = answered(parseGatewayAccount("cloudpayments:pk_1"));
